import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Driver, DriverInit, Instance } from '../drivers/driver.ts';
import type { FaultRecord, FaultSpec } from '../history/events.ts';
import { Injector } from './injector.ts';

/** FAULTS OF NETWORKS AND DISKS, on every driver that can do them: one suite, run for each. */

export interface SurroundingsUnderTest {
  create(init: DriverInit): Driver;
  readonly skipReason?: string | undefined;
  /** Expects of the peer `one` that it has no capability, and of whoever disturbs it that it has one; and that this has gone with its life. */
  expectHelper(runId: string, when: 'cut off' | 'killed'): Promise<void>;
}

/** The first time their image is made. */
const SET_UP_MS = 300_000;
const DISK_BYTES = 8 * 1024 * 1024;

export function describeSurroundings(
  driverName: string,
  { create, skipReason, expectHelper }: SurroundingsUnderTest,
): void {
  const title = `faults of networks and disks, on the ${driverName} driver`;
  describe.skipIf(skipReason !== undefined)(
    skipReason === undefined ? title : `${title} (skipped: ${skipReason})`,
    { timeout: 120_000 },
    () => {
      // Not as the contract of drivers names its runs, which looks for what is left of those.
      const runId = `faults${randomBytes(5).toString('hex')}`;
      const records: FaultRecord[] = [];
      let logsDir: string;
      let driver: Driver;
      let directory: Instance;
      let one: Instance;
      let two: Instance;
      let injector: Injector;

      beforeAll(async () => {
        logsDir = await mkdtemp(join(tmpdir(), `logs-${runId}-`));
        driver = create({
          runId,
          logsDir,
          signal: new AbortController().signal,
          disturbs: ['cut', 'lose', 'limit', 'disk'],
        });
        await driver.prepare(() => {});
        directory = await driver.startDirectory({ name: 'directory', env: {} });
        const start = (name: string) =>
          driver.startPeer({
            name,
            env: { PEER_USER: name, PEER_PASSWORD: 'secret', PEER_CONTROL_TOKEN: 'token' },
            directory,
            share: [],
            diskBytes: DISK_BYTES,
          });
        [one, two] = await Promise.all([start('one'), start('two')]);
        injector = new Injector({
          driver,
          now: () => performance.now() / 1000,
          tell: async (event) => {
            if (event.kind === 'fault-ended') records.push(event.record);
          },
          running: () => [directory, one, two],
          isIn: (name, scope) => scope === 'all' || name === scope,
        });
      }, SET_UP_MS);

      afterAll(async () => {
        expect(await driver.end(false)).toEqual([]);
        await rm(logsDir, { recursive: true, force: true });
      }, 60_000);

      const begin = (fault: FaultSpec) => injector.begin({ fault, who: 'one', step: '1' }, one);
      const end = () => injector.end('one', () => true);

      /** What the probes of the last faults thought of them, and what they saw. */
      function proofs(): string[] {
        return records
          .splice(0)
          .flatMap(({ kind, proofs }) =>
            proofs.map(({ when, seen, ok }) => `${kind} ${when} ${ok ? 'right' : `wrong: ${seen}`}`),
          );
      }
      const right = (...kinds: string[]) =>
        kinds.flatMap((kind) => ['before', 'during', 'during', 'after'].map((when) => `${kind} ${when} right`));

      async function login(timeoutMs: number): Promise<number | undefined> {
        const asked = fetch(`${one.url}/control/login`, {
          method: 'POST',
          headers: { authorization: 'Bearer token', 'content-type': 'application/json' },
          body: '{}',
          signal: AbortSignal.timeout(timeoutMs),
        });
        return asked.then(
          ({ status }) => status,
          () => undefined,
        );
      }

      test('cut: the peer does not reach the directory, and does again', async () => {
        await begin({ kind: 'cut', from: 'all' });
        expect(await login(2000)).not.toBe(200);
        expect((await fetch(`${one.url}/healthz`)).status).toBe(200);
        await end();
        expect(proofs()).toEqual(right('cut'));
        expect(await login(20_000)).toBe(200);
      });

      test('cut from one: the directory is still there', async () => {
        await begin({ kind: 'cut', from: 'two' });
        expect(await login(20_000)).toBe(200);
        await end();
        expect(proofs()).toEqual(right('cut'));
      });

      test('lose and limit, at one time', async () => {
        await begin({ kind: 'lose', percent: 20 });
        await begin({ kind: 'limit', upBytesPerSecond: 2e6, downBytesPerSecond: 1e6 });
        await end();
        expect(proofs()).toEqual(right('lose', 'limit'));
      });

      test('fill: nothing is free, and nothing of it is in the share', async () => {
        await begin({ kind: 'fill' });
        // A peer that runs may hold its share by a socket.
        const stored = (await Array.fromAsync(one.storedFiles())).filter(({ kind }) => kind !== 'socket');
        expect(stored).toEqual([]);
        expect(await two.disk?.freeBytes()).toBeGreaterThan(DISK_BYTES / 2);
        await end();
        expect(proofs()).toEqual(right('fill'));
      });

      test('where nothing is done, the probes say so', async () => {
        const { impose } = one.network as { impose: unknown };
        Object.assign(one.network as object, { impose: async () => {} });
        await begin({ kind: 'cut', from: 'two' });
        await injector.close();
        Object.assign(one.network as object, { impose });
        expect(proofs()).toEqual(['cut before right', expect.stringContaining('cut during wrong: 2 of 2 ways open')]);
      });

      test('the peer itself gets no capability; its helper has one, and goes with it; another life is undisturbed', async () => {
        await begin({ kind: 'cut', from: 'all' });
        await expectHelper(runId, 'cut off');
        const { instance } = await killed();
        await expectHelper(runId, 'killed');
        one = instance;
        expect(await login(20_000)).toBe(200);
        expect(records.splice(0)).toMatchObject([
          { kind: 'cut', overtakenBy: 'kill' },
          { kind: 'kill', proofs: [{ ok: true }, { ok: true }, { ok: true }, { ok: true }] },
        ]);
        expect(await one.disk?.freeBytes()).toBeGreaterThan(DISK_BYTES / 2);
      });

      async function killed() {
        await begin({ kind: 'kill' });
        const [healed] = await end();
        return healed as { instance: Instance };
      }
    },
  );
}
