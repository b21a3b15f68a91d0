import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Driver, DriverInit, Instance } from '../../lab/drivers/driver.ts';

/** What the benchmarks of set-up and removal share: a run of the lab's own driver with some peers, and figures of it. */

const READY_TIMEOUT_MS = 300_000;

export interface FleetTimes {
  /** Of the directory, which is there before the peers are started. */
  readonly directorySeconds: number;
  /** Of the peers. */
  readonly setUpSeconds: number;
  readonly removalSeconds: number;
}

/** Starts a directory and this number of peers with empty shares, waits until each answers, and removes all of it. */
export async function timeFleet(create: (init: DriverInit) => Driver, peers: number): Promise<FleetTimes> {
  const logsDir = await mkdtemp(join(tmpdir(), 'peerlab-bench-logs-'));
  const runId = randomBytes(5).toString('hex');
  const signal = new AbortController().signal;
  const driver = create({ runId, logsDir, signal, readyTimeoutMs: READY_TIMEOUT_MS });
  let directorySeconds = Number.NaN;
  let setUpSeconds = Number.NaN;
  let removalSeconds = Number.NaN;
  try {
    await driver.prepare(() => {});
    const began = performance.now();
    const directory = await driver.startDirectory({ name: 'directory', env: {} });
    directorySeconds = (performance.now() - began) / 1000;
    setUpSeconds = await secondsOf(() =>
      Promise.all(Array.from({ length: peers }, (_, i) => startPeer(driver, directory, `peer-${i + 1}`))),
    );
  } finally {
    const left: string[] = [];
    removalSeconds = await secondsOf(async () => left.push(...(await driver.end(true))));
    await rm(logsDir, { recursive: true, force: true });
    if (left.length > 0) console.error(`left over: ${left.join('; ')}`);
  }
  return { directorySeconds, setUpSeconds, removalSeconds };
}

function startPeer(driver: Driver, directory: Instance, name: string): Promise<Instance> {
  return driver.startPeer({ name, env: peerEnv(name), directory, share: [] });
}

export function peerEnv(name: string) {
  return { PEER_USER: name, PEER_PASSWORD: 'bench', PEER_CONTROL_TOKEN: 'bench' };
}

export async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return (performance.now() - began) / 1000;
}
