import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Driver } from '../drivers/driver.ts';
import { createKubernetesDriver } from '../drivers/kubernetes/kubernetes-driver.ts';
import type { FaultRecord } from '../history/events.ts';
import { Injector } from './injector.ts';

/** Which of these it is, is a matter of the cluster. */
const WHY = /does not enforce network policies|let connections go on that are open already/;

test('where no agent is let in, policies make a cut, or the run is refused with what they lack', async () => {
  const runId = `cut${randomBytes(5).toString('hex')}`;
  const logsDir = await mkdtemp(join(tmpdir(), `logs-${runId}-`));
  const driver = createKubernetesDriver({ runId, logsDir, signal: new AbortController().signal, disturbs: ['cut'] });
  onTestFinished(async () => {
    expect(await driver.end(false)).toEqual([]);
    await rm(logsDir, { recursive: true, force: true });
  });
  const refused = await driver.prepare(() => {}).catch((error) => error);
  if (refused) expect(refused).toMatchObject({ code: 'not-capable', message: expect.stringMatching(WHY) });
  else expect(await proofsOfCut(driver)).toEqual(['before true', 'during true', 'during true', 'after true']);
}, 120_000);

async function proofsOfCut(driver: Driver): Promise<string[]> {
  const directory = await driver.startDirectory({ name: 'directory', env: {} });
  const env = { PEER_USER: 'one', PEER_PASSWORD: 'secret', PEER_CONTROL_TOKEN: 'token' };
  const one = await driver.startPeer({ name: 'one', env, directory, share: [] });
  const records: FaultRecord[] = [];
  const injector = new Injector({
    driver,
    now: () => performance.now() / 1000,
    tell: async (event) => {
      if (event.kind === 'fault-ended') records.push(event.record);
    },
    running: () => [directory, one],
    isIn: (name, scope) => scope === 'all' || name === scope,
  });
  await injector.begin({ fault: { kind: 'cut', from: 'all' }, who: 'one', step: '1' }, one);
  await injector.end('one', () => true);
  return records.flatMap(({ proofs }) => proofs.map(({ when, ok }) => `${when} ${ok}`));
}
