import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parseAddress } from '#proto/addresses.ts';
import { transferResult } from '#proto/control-api.ts';
import { FreePorts } from '../../lab/machine/ports.ts';
import { sha256, TestPeer } from './testing/test-peer.ts';

const DIRECTORY = fileURLToPath(new URL('../directory/main.ts', import.meta.url));
const LARGE = Buffer.alloc(2 * 1024 * 1024 + 1, 'peerlab');

/** The real directory, as a process: its room is not to be imported here. */
async function startDirectory(host: string) {
  const env = { PATH: process.env.PATH, DIRECTORY_HOST: host, DIRECTORY_PORT: '0' };
  const child = spawn(process.execPath, [DIRECTORY], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const line of createInterface({ input: child.stdout })) {
    const { msg, url } = JSON.parse(line);
    if (msg !== 'ready') continue;
    child.stdout.resume();
    return {
      port: Number(new URL(url).port),
      async [Symbol.asyncDispose]() {
        const exited = once(child, 'exit');
        child.kill();
        await exited;
      },
    };
  }
  throw new Error('the directory ended before it was ready');
}

describe.each([
  ['all on ::1', { listens: '::1', asked: '[::1]', own: undefined, ip: '::1' }],
  ['all on ::1, spelt otherwise', { listens: '[0:0:0:0:0:0:0:1]', asked: '[0:0::1]', own: '[0:0:0::1]', ip: '::1' }],
  ['dual stack, over IPv4', { listens: '::', asked: '127.0.0.1', own: '127.0.0.1', ip: '127.0.0.1' }],
  ['dual stack, mapped', { listens: '::', asked: '[::ffff:127.0.0.1]', own: '[::FFFF:7f00:1]', ip: '127.0.0.1' }],
])('%s', (_, { listens, asked, own, ip }) => {
  test('closed peers find, fetch from and upload to each other', async () => {
    await using directory = await startDirectory(listens);
    const start = async (user: string, files = {}) => {
      // A port of one's own has to be known before it can be advertised.
      const port = own === undefined ? 0 : await new FreePorts('::').take();
      const peer = await TestPeer.start(
        {
          ...{ PEER_USER: user, PEER_OPEN: '0', PEER_HOST: listens, PEER_PORT: String(port) },
          ...{ PEER_DIRECTORY_URL: `http://${asked}:${directory.port}` },
          ...(own !== undefined && { PEER_ADVERTISE: `${own}:${port}` }),
        },
        files,
      );
      expect((await peer.control('login')).body).toMatchObject({ leaseSeconds: expect.any(Number) });
      return peer;
    };
    await using seeder = await start('ann', { small: 'small', large: LARGE });
    await using leecher = await start('bob');
    expect(parseAddress(seeder.address)?.ip).toBe(ip);

    const found = await leecher.control('search', { name: 'large' });
    expect(found.body).toMatchObject({ results: [{ peers: [{ ...parseAddress(seeder.address), user: 'ann' }] }] });
    const fetched = await leecher.control('download', { name: 'large' });
    expect(transferResult.parse(fetched.body)).toMatchObject({
      ...{ sha256: sha256(LARGE), verified: 'tree', sources: [{ peer: seeder.address }] },
    });
    const spelt = seeder.address.replace('[::1]', '[0:0:0:0:0:0:0:1]');
    const named = await leecher.control('download', { name: 'small', from: spelt });
    expect(transferResult.parse(named.body)).toMatchObject({ sources: [{ peer: seeder.address, bytes: 5 }] });

    await using third = await start('eve');
    // Offered, and fetched from the address in the ticket.
    const sent = transferResult.parse((await seeder.control('upload', { name: 'large', to: third.address })).body);
    expect(sent).toMatchObject({ bytes: LARGE.length, sources: [{ peer: third.address }] });
    expect((await readFile(join(third.share, 'large'))).equals(LARGE)).toBe(true);
    expect(await third.metrics()).toContain(
      `peerlab_transfers_total{direction="received",outcome="ok",reason="none"} 1`,
    );
  });
});
