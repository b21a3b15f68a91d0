import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { StandInDirectory } from '../testing/stand-in-directory.ts';
import { codeOf, sha256, TestPeer } from '../testing/test-peer.ts';

/** A listener that nobody is to call, on a loopback address of its own. */
async function canary() {
  const calls: string[] = [];
  const server = createServer((socket) => {
    calls.push(`${socket.remoteAddress}`);
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.9', resolve));
  return {
    ...{ calls, port: (server.address() as AddressInfo).port },
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}

test.each([['127.0.0.9'], ['::ffff:127.0.0.9']])(
  'a directory that names %s does not make a peer call it; one that trusts the network does',
  async (ip) => {
    await using victim = await canary();
    await using directory = await StandInDirectory.start();
    const files = [{ name: 'bait', size: 4, sha256: sha256('bait') }];
    directory.peers.set('liar', { user: 'liar', password: 'x', ip, port: victim.port, files });
    const env = { PEER_DIRECTORY_URL: directory.url };

    await using careful = await TestPeer.start(env);
    await careful.control('login');
    for (const request of [{ name: 'bait' }, { name: 'bait', sha256: sha256('bait') }]) {
      const answer = await careful.control('download', request);
      expect(['file-not-found', 'no-source']).toContain(codeOf(answer));
    }
    expect(victim.calls).toEqual([]);

    // The canary can sing: where the network is trusted, it is called.
    await using trusting = await TestPeer.start({ ...env, PEER_TRUSTED_NETWORKS: '127.0.0.0/8' });
    await trusting.control('login');
    await trusting.control('download', { name: 'bait' });
    expect(victim.calls.length).toBeGreaterThan(0);
  },
);
