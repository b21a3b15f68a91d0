import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { HASHED_BYTES_PER_SECOND, hashingSeconds, LOGIN_WAITS_MS } from '#proto/promises.ts';
import { RULES_BY_CHECK, RULES_BY_FAILURE, RULES_BY_VERB } from '../checks/likely-rules.ts';
import { CHAPTERS, rulesUpTo } from './chapters.ts';
import { CHECKS, rulesOf } from './checks/table.ts';
import type { Finding } from './conformance.ts';
import { verdictOf } from './conformance.ts';
import { sentence } from './print.ts';
import { badgeOf, junitOf } from './reports.ts';
import { GROUPS, RULE_IDS, RULES } from './rules.ts';
import { VARIANTS } from './testing/variants.ts';

const contract = readFileSync(new URL('../../docs/peer-contract.md', import.meta.url), 'utf8');

test('every rule has a check, a group and a chapter of the contract, and the contract names it', () => {
  expect(Object.keys(CHECKS).toSorted()).toEqual(RULE_IDS.toSorted());
  expect(rulesOf(GROUPS).toSorted()).toEqual(RULE_IDS.toSorted());
  const headings = contract.split('\n').flatMap((line) => /^##+ (.*)$/.exec(line)?.[1] ?? []);
  for (const id of RULE_IDS) {
    expect(headings, id).toContain(RULES[id].section);
    expect(contract, id).toContain(`| \`${id}\` | ${RULES[id].level} |`);
  }
});

test('each rule has one chapter of the course', () => {
  expect(CHAPTERS.flatMap(({ rules }) => rules).toSorted()).toEqual(RULE_IDS.toSorted());
  expect(rulesUpTo(0)).toEqual(CHAPTERS[0]?.rules);
  expect(rulesUpTo(CHAPTERS.length - 1)).toHaveLength(RULE_IDS.length);
});

test('what a report of a run names as the likely cause are rules', () => {
  const named = [RULES_BY_CHECK, RULES_BY_FAILURE, RULES_BY_VERB].flatMap((table) => Object.values(table).flat());
  expect(named.filter((id) => !(RULE_IDS as readonly string[]).includes(id))).toEqual([]);
});

test('how late a long share may be published is one number', () => {
  const [mbEach, seconds] = [HASHED_BYTES_PER_SECOND / 1e6, LOGIN_WAITS_MS / 1000];
  expect(contract).toContain(`Of a share of more than ${seconds * mbEach} MB, files may be published later`);
  expect(contract).toContain(`within one second for each ${mbEach} MB`);
  expect([hashingSeconds(seconds * mbEach * 1e6), hashingSeconds(400e6)]).toEqual([0, 20]);
});

test('every must can be broken by some variant', () => {
  const breakable = new Set<string>(Object.values(VARIANTS).flat());
  const musts = RULE_IDS.filter((id) => RULES[id].level === 'must');
  expect(musts.filter((id) => !breakable.has(id))).toEqual([]);
});

const finding = (id: (typeof RULE_IDS)[number], outcome: Finding['outcome']): Finding => ({
  ...RULES[id],
  ...{ id, group: 'control', outcome, seconds: 0.1 },
  ...(outcome === 'broken' && { evidence: { asked: 'a', expected: 'b', came: '<script>\u001b[31m' } }),
});

test('a must that is broken decides; what was not seen is no pass; what should be decides nothing', () => {
  const kept = finding('control.health', 'kept');
  expect(verdictOf([kept, finding('control.index', 'broken')])).toBe('pass');
  expect(verdictOf([kept, finding('control.token', 'not seen')])).toBe('inconclusive');
  expect(verdictOf([finding('control.token', 'not seen'), finding('control.login', 'broken')])).toBe('fail');
  expect(verdictOf([])).toBe('inconclusive');
  expect(sentence([kept, finding('control.index', 'broken'), finding('control.token', 'not seen')])).toBe(
    '1 of 2 musts kept (1 not seen); 0 of 1 shoulds kept (1 broken).',
  );
});

test('reports show foreign text as text', () => {
  const rules = [finding('control.health', 'broken'), finding('control.index', 'not brought')];
  const told = { runId: 'r', tested: '<b>', driver: 'process', verdict: 'fail' as const, reason: '', rules };
  const junit = junitOf(told);
  expect(junit).toContain('<failure message="&lt;script>');
  expect(junit).not.toContain('\u001b');
  expect(badgeOf(told)).toContain('0/1 musts');
});
