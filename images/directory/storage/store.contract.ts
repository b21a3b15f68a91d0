import { describe, expect, it } from 'vitest';
import type { SavedRegistration } from '../registry.ts';
import type { Changes, Kind, Store } from './state.ts';

/** THE SUITE OF STORES. What one of them alone promises is in its own tests. */

export function saved(port: number, names: readonly string[] = []): SavedRegistration {
  return {
    peer: { user: 'ann', ip: '10.0.0.1', port },
    files: names.map((name) => ({ name, size: 3, sha256: 'a'.repeat(64) })),
    tokenHash: `hash-${port}`,
    tokenLeftMs: 60_000,
  };
}

export function changes(some: Partial<Record<Kind, readonly (readonly [string, unknown])[]>>): Changes {
  const map = (kind: Kind) => new Map(some[kind] ?? []);
  return { accounts: map('accounts'), peers: map('peers'), sdP2pPeers: map('sdP2pPeers') } as Changes;
}

/** @param open the same state each time, within one test */
export function describeStore(name: string, open: () => Promise<Store>): void {
  describe(`a store ${name}`, () => {
    const opened = async () => {
      await using store = await open();
      return await store.load();
    };

    it('has again what was written, and not what was taken away', async () => {
      {
        await using store = await open();
        const root = 'b'.repeat(64);
        const withRoot = { ...saved(1), files: [{ name: 'é \n', size: 2 ** 53 - 1, sha256: 'c'.repeat(64), root }] };
        // Whatever a peer of the dialect calls itself.
        const sdP2p = { user: 'eva\0\ud800', ip: '127.0.0.2', port: 5001, files: ['a', 'b\0'], enteredAtMs: 17 };
        await store.write(
          changes({
            accounts: [
              ['ann', 'hash'],
              ['bob', 'hash'],
            ],
            peers: [
              ['one', withRoot],
              ['two', saved(2, ['x'])],
            ],
            sdP2pPeers: [['127.0.0.2:5001', sdP2p]],
          }),
        );
        await store.write(
          changes({
            accounts: [
              ['ann', 'other hash'],
              ['bob', undefined],
            ],
            peers: [['two', undefined]],
          }),
        );
      }
      const state = await opened();
      expect(state.accounts).toEqual([{ user: 'ann', passwordHash: 'other hash' }]);
      expect(state.peers).toMatchObject([
        { peer: { port: 1 }, files: [{ name: 'é \n', size: 2 ** 53 - 1, root: 'b'.repeat(64) }], tokenHash: 'hash-1' },
      ]);
      expect(state.peers[0]?.tokenLeftMs).toBeGreaterThan(50_000);
      expect(state.sdP2pPeers).toMatchObject([{ ip: '127.0.0.2', port: 5001, files: ['a', 'b\0'], enteredAtMs: 17 }]);
    });

    it('writes as much at one time as there is', async () => {
      const peers = Array.from({ length: 2500 }, (_, i) => [`${i}`, saved(i + 1, ['x'])] as const);
      {
        await using store = await open();
        await store.write(changes({ peers }));
        await store.write(changes({ peers: [['7', undefined]] }));
      }
      const ports = new Set((await opened()).peers.map(({ peer }) => peer.port));
      expect(ports.size).toBe(2499);
      expect(ports.has(8)).toBe(false);
    });

    it('keeps a secret once it was made', async () => {
      const secret = async (value: string) => {
        await using store = await open();
        return await store.secret('key', () => value);
      };
      expect(await secret('first')).toBe('first');
      expect(await secret('second')).toBe('first');
    });
  });
}
