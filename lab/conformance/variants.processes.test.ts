import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createProcessDriver } from '../drivers/process/process-driver.ts';
import { rulesOf } from './checks/table.ts';
import { checkAll, verdictOf } from './conformance.ts';
import { GROUPS, groupOf, type RuleId } from './rules.ts';
import { LEASE_MS, Stage } from './stage.ts';
import { VARIANTS, type Variant } from './testing/variants.ts';

const PEER = fileURLToPath(new URL('./testing/variant-peer.ts', import.meta.url));
const signal = new AbortController().signal;
const logsDir = mkdtempSync(path.join(tmpdir(), 'conformance-'));
// As ids of runs look, so that tests that compare this host before and after know whose it is (lab/end-to-end.ts).
const driver = createProcessDriver({ runId: randomBytes(5).toString('hex'), logsDir, signal });
const stage = new Stage(driver, signal);

beforeAll(async () => {
  await driver.prepare(() => {});
  await stage.setUp();
});

afterAll(async () => {
  expect(await driver.end(true)).toEqual([]);
  rmSync(logsDir, { recursive: true });
});

/** They wait for leases and slow sources: only for the variants that break them, and for the one that breaks nothing. */
const SLOW: ReadonlySet<RuleId> = new Set(['fetch.unfinished', 'directory.lease', 'directory.logout'] as const);

/** What came of all rules, or of those in the groups of `only`. */
async function check(variant: Variant, only?: readonly RuleId[]) {
  const groups = only ? GROUPS.filter((group) => only.some((id) => groupOf(id) === group)) : GROUPS;
  const peer = stage.for({ name: `peer-${variant}`, image: `${process.execPath} ${PEER} ${variant}` });
  const ids = rulesOf(groups).filter((id) => !SLOW.has(id) || !only || only.includes(id));
  const findings = await checkAll(peer, ids, signal, () => {});
  // The next one must not find it as a source.
  if (variant !== 'ends-at-start') {
    await peer.checked.stop();
    await expect.poll(() => stage.listed(peer.checked.address), { timeout: 3 * LEASE_MS }).toBeUndefined();
  }
  return findings;
}

const broken = (findings: Awaited<ReturnType<typeof check>>) =>
  findings.filter(({ outcome }) => outcome === 'broken').map(({ id, evidence }) => ({ id, came: evidence?.came }));

test('a small peer that was written from the contract keeps every must, and leaves out what it does not bring', {
  timeout: 300_000,
}, async () => {
  const findings = await check('none');
  expect(broken(findings)).toEqual([]);
  expect(findings.filter(({ outcome }) => outcome === 'not seen')).toEqual([]);
  expect(verdictOf(findings)).toBe('pass');
  const left = findings.filter(({ outcome }) => outcome === 'not brought').map(({ group }) => group);
  expect(new Set(left)).toEqual(new Set(['control', 'trees', 'swarm', 'batches', 'upload', 'tickets']));
});

const variants = (Object.keys(VARIANTS) as Variant[]).filter((variant) => variant !== 'none');

test.for(variants)('%s breaks the right rules, and no other', async (variant) => {
  const expected: readonly RuleId[] = VARIANTS[variant];
  const found = broken(await check(variant, expected));
  expect(found.map(({ id }) => id).toSorted(), JSON.stringify(found, null, 1)).toEqual(expected.toSorted());
});
