import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { transferResult } from '#proto/control-api.ts';
import { PeerProcess } from '../testing/peer-process.ts';
import { StandInDirectory } from '../testing/stand-in-directory.ts';
import { codeOf, tempFolder } from '../testing/test-peer.ts';

const MIB = 1024 * 1024;

/** Runs the command behind it with a file system of 8 MiB on `folder`, which nobody else sees and which ends with it. */
const onSmallDisk = (folder: string) => [
  ...['unshare', '--mount', 'sh', '-c', 'mount -t tmpfs -o size=8m tmpfs "$0" && exec "$@"', folder],
];

await using probe = await tempFolder();
const [command = '', ...args] = [...onSmallDisk(probe.path), 'true'];
const canMount = spawnSync(command, args).status === 0;
const title = 'a disk that is full: its own code, nothing is kept, and the peer goes on';

test.skipIf(!canMount)(canMount ? title : `${title} (skipped: needs root, to mount a small disk)`, async () => {
  await using stack = new AsyncDisposableStack();
  const directory = stack.use(await StandInDirectory.start());
  directory.givesTickets = true;
  const env = { PEER_DIRECTORY_URL: directory.url };
  const small = randomBytes(MIB);
  const files = { large: randomBytes(16 * MIB), other: randomBytes(17 * MIB), small };
  const served = stack.use(await tempFolder(files));
  const seeder = stack.use(await PeerProcess.start(served.path, { ...env, PEER_USER: 'seeder' }));
  await seeder.control('login');
  const share = stack.use(await tempFolder());
  const leecher = stack.use(await PeerProcess.start(share.path, env, onSmallDisk(share.path)));
  await leecher.control('login');

  // The share as the peer sees it.
  const seen = join(`/proc/${leecher.pid}/root`, share.path);
  for (const name of ['large', 'other']) {
    expect(codeOf(await leecher.control('download', { name }))).toBe('disk-full');
    expect(await readdir(seen)).toEqual(['.peerlab']);
    expect(await readdir(join(seen, '.peerlab'))).toEqual([expect.stringMatching(/^lock\./)]);
  }
  const { outcome } = transferResult.parse((await leecher.control('download', { name: 'small' })).body);
  expect(outcome).toBe('ok');
  expect((await readFile(join(seen, 'small'))).equals(small)).toBe(true);
});
