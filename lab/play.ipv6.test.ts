import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { networkInterfaces, tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { expect, onTestFinished, test } from 'vitest';
import { createProcessDriver } from './drivers/process/process-driver.ts';
import { driverOf } from './drivers/table.ts';
import { play } from './play.ts';
import { makePlan } from './scenario/plan.ts';
import { readScenario } from './scenario/read.ts';

/** A whole run on IPv6: tickets, dials, uploads, sources and what people read. */

const LOOPBACK = '::1';
const hasIpv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === LOOPBACK));

const SCENARIO = `
name: ipv6
description: Does everything work on IPv6?
groups:
  s: {count: 2, share: {files: 2, size: 3MiB}}
  l: {count: 2}
steps:
  - login: all
  - index: all
  - upload: {group: s, to: l}
  - download: {group: all, files: "*"}
  - logout: all
expect: [transfers.failed == 0, operations.index.failed == 0, integrity.mismatched == 0, directory.precision == 1]
`;

test.skipIf(!hasIpv6)('a run on ::1 passes, and its addresses are read as such', { timeout: 120_000 }, async () => {
  const results = mkdtempSync(path.join(tmpdir(), 'peerlab-ipv6-'));
  onTestFinished(() => rmSync(results, { recursive: true }));
  const scenario = readScenario(SCENARIO, 'ipv6.yaml');
  const out = new PassThrough().resume() as unknown as NodeJS.WriteStream;
  const driver = {
    ...driverOf('process'),
    create: (init: Parameters<typeof createProcessDriver>[0]) => createProcessDriver(init, LOOPBACK),
  };
  const { result, folder } = await play({ scenario, plan: makePlan(scenario), driver, results, out });
  expect(result).toMatchObject({ verdict: 'pass', leftovers: [] });
  const { peers } = JSON.parse(readFileSync(folder.file('run.json'), 'utf8')) as { peers: { address: string }[] };
  for (const { address } of peers) expect(address).toMatch(/^\[::1\]:\d+$/);
  const events = readFileSync(folder.file('events.ndjson'), 'utf8');
  expect(events).toMatch(/"sources":\[\{"peer":"\[::1\]:\d+"/);
});
