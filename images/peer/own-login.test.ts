import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { PeerProcess } from './testing/peer-process.ts';
import { StandInDirectory } from './testing/stand-in-directory.ts';
import { CONTROL_TOKEN, eventually, tempFolder } from './testing/test-peer.ts';

const CLI = fileURLToPath(new URL('cli.ts', import.meta.url));

/** As in the peer's container: host, port and token come from the environment. */
async function peerCommand(peer: PeerProcess, ...args: string[]): Promise<string> {
  const env = { PATH: process.env.PATH, PEER_CONTROL_PORT: `${peer.controlPort}`, PEER_CONTROL_TOKEN: CONTROL_TOKEN };
  return (await promisify(execFile)(process.execPath, [CLI, ...args], { env })).stdout;
}

test('a peer that logs in by itself comes before its directory, and is ready when it is in the index', async () => {
  const early = await StandInDirectory.start();
  const { url } = early;
  await early[Symbol.asyncDispose]();
  await using share = await tempFolder({ 'notes.txt': 'hello' });
  await using peer = await PeerProcess.start(share.path, { PEER_LOGIN: '1', PEER_DIRECTORY_URL: url });
  const away = await eventually('the reason', async () => {
    const { reason } = await peer.ready();
    return reason?.includes('ECONNREFUSED') && reason;
  });
  expect(away).toMatch(/^not logged in yet: /);

  await using directory = await StandInDirectory.start(Number(new URL(url).port));
  await eventually('the login', () => directory.files('ann'));
  await eventually('readiness', async () => (await peer.ready()).status === 'ready');
  expect(await peerCommand(peer, 'search', '*')).toContain('notes.txt');

  // Who logs out on purpose stays out, and is no less ready for it.
  await peerCommand(peer, 'logout');
  expect([directory.peers.size, (await peer.ready()).status]).toEqual([0, 'ready']);
});

test('without PEER_LOGIN, nobody logs in', async () => {
  await using directory = await StandInDirectory.start();
  await using share = await tempFolder();
  await using peer = await PeerProcess.start(share.path, { PEER_DIRECTORY_URL: directory.url });
  await eventually('readiness', async () => (await peer.ready()).status === 'ready');
  expect(directory.requests).toEqual([]);
});
