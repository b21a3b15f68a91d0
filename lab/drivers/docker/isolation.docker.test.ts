import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Docker from 'dockerode';
import { describe, expect, test } from 'vitest';
import { createDockerDriver } from './docker-driver.ts';
import { connectionOf, findEngine } from './engine.ts';

const engine = await findEngine();
const isSkipped = typeof engine === 'string' && process.env.PEERLAB_REQUIRE_DOCKER !== '1';
const title = isSkipped ? `isolation of containers (skipped: ${engine})` : 'isolation of containers';

describe.skipIf(isSkipped)(title, { timeout: 120_000 }, () => {
  test('no root, no capabilities, nothing writable but the share and /tmp, bounded memory and processes', async () => {
    const docker = new Docker(connectionOf((engine as { endpoint: string }).endpoint));
    const runId = `t${randomBytes(5).toString('hex')}`;
    const logsDir = await mkdtemp(join(tmpdir(), `logs-${runId}-`));
    const driver = createDockerDriver({ runId, logsDir, signal: new AbortController().signal });
    try {
      await driver.prepare(() => {});
      const directory = await driver.startDirectory({ name: 'directory', env: {} });
      const env = { PEER_USER: 'tester', PEER_PASSWORD: 'secret', PEER_CONTROL_TOKEN: 'token' };
      const peer = await driver.startPeer({ name: 'peer-1', env, directory, share: [] });
      for (const [role, name] of [
        ['directory', 'directory'],
        ['peer', 'peer-1'],
      ]) {
        const { Config, HostConfig, NetworkSettings } = await docker.getContainer(`peerlab-${runId}-${name}`).inspect();
        expect(Config.Labels).toMatchObject({
          'peerlab.run': runId,
          'peerlab.role': role,
          'peerlab.peer': name,
        });
        expect(Config.User).toBe('10001:10001');
        expect(HostConfig).toMatchObject({
          ReadonlyRootfs: true,
          CapDrop: ['ALL'],
          CapAdd: null,
          SecurityOpt: ['no-new-privileges'],
          Privileged: false,
          PidsLimit: 256,
          Memory: 512 * 1024 * 1024,
          Binds: null,
          OomScoreAdj: 0,
        });
        const published = Object.values(NetworkSettings.Ports).flat().filter(Boolean);
        expect(published.map(({ HostIp }) => HostIp)).toEqual(['127.0.0.1']);
      }
      // Peers must see each other's real addresses, and nothing of a run may go out by the machine's own.
      const { Options } = await docker.getNetwork(`peerlab-${runId}`).inspect();
      expect(Options).toMatchObject({ 'com.docker.network.bridge.enable_ip_masquerade': 'false' });
      const inPeer = (command: string) => execute(docker, `peerlab-${runId}-peer-1`, command);
      expect(await inPeer('echo x > /app/x')).toMatch(/Read-only/i);
      expect(await inPeer('touch /share/x /tmp/x && ls -n /share')).toMatch(/10001 +10001/);
      expect(await inPeer('grep CapEff /proc/self/status')).toMatch(/0000000000000000/);
      expect(await inPeer('peer --help')).toMatch(/download/);
      expect(peer.address).toMatch(/^\d+\.\d+\.\d+\.\d+:50051$/);
    } finally {
      expect(await driver.end(false)).toEqual([]);
      await rm(logsDir, { recursive: true, force: true });
    }
  });
});

async function execute(docker: Docker, container: string, command: string): Promise<string> {
  const exec = await docker
    .getContainer(container)
    .exec({ Cmd: ['sh', '-c', command], AttachStdout: true, AttachStderr: true, Tty: true });
  const stream = await exec.start({ Tty: true });
  return Buffer.concat(await stream.toArray()).toString();
}
