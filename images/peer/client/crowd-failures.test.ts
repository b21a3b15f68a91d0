import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { transferResult } from '#proto/control-api.ts';
import { PeerProcess } from '../testing/peer-process.ts';
import { StandInDirectory } from '../testing/stand-in-directory.ts';
import { StandInSource } from '../testing/stand-in-source.ts';
import { rootOf, sha256, tempFolder } from '../testing/test-peer.ts';

/** Real processes in the middle of a crowd: one is killed, one stands still, one lies about its pieces, at moments that a seed chooses. */

const MIB = 1024 * 1024;
const SIZE_BYTES = 12 * MIB;
const CROWD = 4;
const LIMIT = '4MB/s';
const RECEIVED = 'peerlab_transfer_bytes_total{direction="received"}';
const REJECTED = 'peerlab_pieces_rejected_total';

/** The same for the same seed: a number below 1. */
function chance(seed: number): number {
  return ((seed * 2_654_435_761) % 2 ** 32) / 2 ** 32;
}

/** Comes back when the peer has received this part of the file: the test's own deadline bounds it. */
async function reaches(peer: PeerProcess, part: number): Promise<void> {
  while ((await peer.sample(RECEIVED)) < part * SIZE_BYTES) await sleep(10);
}

async function crowd(more: Record<string, string> = {}) {
  const stack = new AsyncDisposableStack();
  const content = Buffer.concat(Array(SIZE_BYTES / MIB).fill(randomBytes(MIB)));
  for (let at = 0; at < SIZE_BYTES; at += MIB) content.writeUInt32LE(at, at);
  const directory = stack.use(await StandInDirectory.start());
  directory.givesTickets = true;
  // It says that it has every piece, and sends others.
  const liar = stack.use(
    await StandInSource.start({
      WatchPieces: (call) => {
        call.on('error', () => {});
        call.once('data', () => call.write({ pieceSize: MIB, map: Buffer.alloc(2, 0xff) }));
      },
      DownloadFile: (call) => {
        const { offset, length } = call.request;
        call.write({ content: Buffer.alloc(length, 7), offset, size: content.length, sha256: sha256(content) });
        call.end();
      },
    }),
  );
  directory.peers.set('liar', { user: 'eve', password: 'x', ip: '127.0.0.1', port: liar.port, files: [] });
  directory.swarms.set(rootOf(content) as string, new Set(['liar']));
  const start = async (user: string, files: Record<string, Buffer> = {}) => {
    const { path } = stack.use(await tempFolder(files));
    const env = { PEER_DIRECTORY_URL: directory.url, PEER_UPLOAD_LIMIT: LIMIT, PEER_USER: user, ...more };
    const peer = stack.use(await PeerProcess.start(path, env));
    await peer.control('login');
    return { peer, file: join(path, 'file') };
  };
  const [seeder, ...members] = await Promise.all([
    start('seeder', { file: content }),
    ...Array.from({ length: CROWD }, (_, n) => start(`member-${n}`)),
  ]);
  return { content, seeder, members, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

test.for([1, 2, 3])(
  'one is killed, one stands still and one lies, seed %d: everyone else gets whole, and so does who goes on',
  { timeout: 120_000 },
  async (seed) => {
    await using it = await crowd();
    const [killed, frozen, ...others] = it.members;
    if (!killed || !frozen) throw new Error('no crowd');
    const fetch = ({ peer }: typeof killed) => peer.control('download', { name: 'file' });
    const downloads = it.members.map(fetch);
    for (const download of downloads) download.catch(() => {});
    const [, late, ...rest] = downloads;
    await Promise.all([
      reaches(killed.peer, 0.8 * chance(seed)).then(() => killed.peer.signal('SIGKILL')),
      reaches(frozen.peer, 0.8 * chance(seed + 3)).then(() => frozen.peer.signal('SIGSTOP')),
    ]);
    const results = (await Promise.all(rest)).map(({ body }) => transferResult.parse(body));
    expect(results.map(({ verified }) => verified)).toEqual(others.map(() => 'tree'));
    frozen.peer.signal('SIGCONT');
    const whole = transferResult.parse((await late)?.body);
    expect(whole.verified).toBe('tree');
    for (const { file } of [frozen, ...others]) expect((await readFile(file)).equals(it.content)).toBe(true);
    // Nobody is fooled twice, and nobody passes on what is wrong.
    for (const { peer } of [frozen, ...others]) expect(await peer.sample(REJECTED)).toBeLessThanOrEqual(1);
  },
);

test('the only seeder stands still for longer than anybody waits, and goes on: everyone gets whole', {
  timeout: 120_000,
}, async () => {
  const stallMs = 1000;
  await using it = await crowd({ PEER_STALL_TIMEOUT: `${stallMs}ms` });
  const downloads = Promise.all(it.members.map(({ peer }) => peer.control('download', { name: 'file' })));
  const [first] = it.members;
  if (!first) throw new Error('no crowd');
  await reaches(first.peer, 0.2);
  it.seeder.peer.signal('SIGSTOP');
  await sleep(2.5 * stallMs);
  it.seeder.peer.signal('SIGCONT');
  for (const { body } of await downloads) expect(transferResult.parse(body).verified).toBe('tree');
});
