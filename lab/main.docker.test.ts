import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import Docker from 'dockerode';
import { describe, expect, onTestFinished, test } from 'vitest';
import { describeLab, leftBy, resultOf, startLab, writeScenario } from './end-to-end.ts';

const docker = new Docker();

/** Containers of runs, and all networks and volumes of the host, by name. Other containers come and go while images are built. */
async function snapshot(): Promise<string[]> {
  const [containers, networks, { Volumes }] = await Promise.all([
    docker.listContainers({ all: true, filters: { label: ['peerlab.run'] } }),
    docker.listNetworks(),
    docker.listVolumes(),
  ]);
  return [
    ...containers.map(({ Names }) => `container ${Names[0]}`),
    ...networks.map(({ Name }) => `network ${Name}`),
    ...(Volumes ?? []).map(({ Name }) => `volume ${Name}`),
  ];
}

describe('docker driver', () => {
  describeLab('docker', snapshot);
});

test('an engine that goes away in the middle: exit 75 in bounded time', async () => {
  const before = await snapshot();
  const engine = await relay();
  const { says, ended } = startLab(
    [writeScenario('[{login: all}, {wait: 20s}, {download: l}]', '[transfers.failed == 0]'), '--driver', 'docker'],
    { DOCKER_HOST: `unix://${engine.socket}` },
  );
  await says('Step 1/3: login all: 2 ok');
  engine.cut();
  const { code, output, run } = await ended;
  expect(code, output).toBe(75);
  const result = resultOf(run);
  expect(result.verdict).toBe('inconclusive');
  expect(result.leftovers).not.toEqual([]);
  // The lab could not clean up; this test can.
  await removeRun(result.runId);
  expect(leftBy(run, before, await snapshot())).toEqual([]);
}, 120_000);

test('an image that is not there is found before the start: exit 64, and nothing is written', async () => {
  // Nobody listens there: no registry is asked.
  const image = '127.0.0.1:9/no/such/peer:1';
  const ofGroup = writeScenario('[{login: all}]', '[operations.login.failed == 0]', `{image: "${image}"}`);
  const ofAll = writeScenario('[{login: all}]', '[operations.login.failed == 0]');
  for (const args of [[ofGroup], [ofAll, '--peer-image', image], [ofAll, '--directory-image', image]]) {
    const { code, output, run } = await startLab([...args, '--driver', 'docker']).ended;
    expect({ code, output, run }).toMatchObject({ code: 64, run: undefined });
    expect(output).toMatch(/no such image, and can not pull it[\s\S]*Give the name of an image/);
  }
});

/** A way to the engine that can be cut: what the lab sees of it is what it would see of an engine that stops. */
async function relay(): Promise<{ socket: string; cut(): void }> {
  const socket = path.join(tmpdir(), `peerlab-engine-${process.pid}.sock`);
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const engine = connect('/var/run/docker.sock');
    for (const end of [client, engine]) {
      open.add(end);
      end.on('error', () => {}).on('close', () => open.delete(end));
    }
    client.pipe(engine).pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  const cut = () => {
    server.close();
    for (const end of open) end.destroy();
  };
  onTestFinished(cut);
  return { socket, cut };
}

async function removeRun(runId: string): Promise<void> {
  const filters = { label: [`peerlab.run=${runId}`] };
  for (const { Id } of await docker.listContainers({ all: true, filters }))
    await docker.getContainer(Id).remove({ force: true, v: true });
  for (const { Name } of (await docker.listVolumes({ filters })).Volumes ?? []) await docker.getVolume(Name).remove();
  for (const { Id } of await docker.listNetworks({ filters })) await docker.getNetwork(Id).remove();
}
