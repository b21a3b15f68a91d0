import { describe, expect, it } from 'vitest';
import { RULES, type RuleId } from '../conformance/rules.ts';
import { gradeOf, type Outcome, type Seen } from './points.ts';
import type { Item, Rubric } from './rubric.ts';

const AT = new Date('2026-12-01T12:00:00Z');
const HOUR_MS = 3_600_000;

const rubric = (items: Item[], more: Partial<Rubric> = {}): Rubric => ({
  ...{ name: 'r', file: '/r.yaml', command: 'x', see: [], items, late: { percentPerDay: 10, days: 2 } },
  limits: { seconds: 60, diskMiB: 64, memoryMiB: 64, fileMiB: 16, processes: 64 },
  ...more,
});
const rules = (points: number, ids: RuleId[], partial = true): Item => ({
  title: 'rules',
  points,
  rules: ids,
  partial,
});
const scenario = (points: number, more: object = {}): Item => ({
  ...{ title: 's', points, scenario: 'basic', partial: false, hidden: false },
  ...more,
});

type Of = 'kept' | 'broken' | 'not brought' | 'not seen';
function seen(outcomes: Partial<Record<RuleId, Of>>, more: Partial<Seen> = {}): Seen {
  const found = Object.entries(outcomes).map(([id, outcome]) => ({
    ...{ id, outcome, seconds: 0, group: 'control' as const },
    ...RULES[id as RuleId],
  }));
  const musts = found.filter(({ level }) => level === 'must');
  const verdict = musts.some(({ outcome }) => outcome === 'broken')
    ? 'fail'
    : musts.every(({ outcome }) => outcome === 'kept')
      ? 'pass'
      : 'inconclusive';
  return { conformance: { verdict, rules: found }, results: new Map(), remarks: [], isItsFault: false, ...more };
}
const result = (verdict: 'pass' | 'fail' | 'inconclusive', ok: (boolean | null)[]): Outcome => ({
  ...{ verdict, reason: 'because', checks: [] },
  expectations: ok.map((ok) => ({ expression: 'x', actual: 1, ok })),
});
const played = (outcome: Outcome, more: Partial<Seen> = {}) =>
  seen({ 'control.health': 'kept' }, { results: new Map([['basic', outcome]]), ...more });

const FOUR: RuleId[] = ['control.health', 'control.token', 'control.unknown', 'control.connections'];

describe('rules', () => {
  const three: Partial<Record<RuleId, Of>> = {
    ...{ 'control.health': 'kept', 'control.token': 'kept', 'control.unknown': 'kept' },
    ...{ 'control.connections': 'broken' },
  };

  it.each([
    ['a part of them brings a part', rules(10, FOUR), three, 7.5],
    ['without partial, a part brings nothing', rules(10, FOUR, false), three, 0],
    ['all of them bring all', rules(10, ['control.health'], false), three, 10],
    ['what was not brought brings nothing', rules(10, ['hashes.content']), { 'hashes.content': 'not brought' }, 0],
    ['thirds are rounded to hundredths', rules(10, FOUR.slice(1)), three, 6.67],
  ] satisfies [string, Item, Partial<Record<RuleId, Of>>, number][])('%s', (_, item, outcomes, points) => {
    expect(gradeOf(rubric([item]), 'ann', AT, seen(outcomes)).points).toBe(points);
  });

  it('what the lab could not see leaves the grade open, unless the peer has itself to blame', () => {
    const item = rules(10, ['control.health', 'control.token']);
    const unseen = { 'control.health': 'kept', 'control.token': 'not seen' } as const;
    const open = gradeOf(rubric([item]), 'ann', AT, seen(unseen));
    expect(open).toMatchObject({ points: undefined, remarks: [expect.stringContaining('control.token is not seen')] });
    expect(gradeOf(rubric([item]), 'ann', AT, seen(unseen, { isItsFault: true })).points).toBe(5);
    const broken = { ...unseen, 'control.login': 'broken' } as const;
    expect(gradeOf(rubric([item]), 'ann', AT, seen(broken)).points).toBe(5);
  });

  it('without a word of the lab there is no grade', () => {
    const nothing = { conformance: undefined, results: new Map(), remarks: [], isItsFault: false };
    expect(gradeOf(rubric([rules(10, FOUR)]), 'ann', AT, nothing).points).toBeUndefined();
  });
});

describe('scenarios', () => {
  it.each([
    ['a pass brings all', scenario(8), result('pass', [true, true]), 8],
    ['a fail brings nothing', scenario(8), result('fail', [true, false]), 0],
    ['with partial, a part', scenario(8, { partial: true }), result('fail', [true, true, true, false]), 6],
    ['what could not be judged does not hold', scenario(8, { partial: true }), result('fail', [true, null]), 4],
    ['no verdict, no grade', scenario(8), result('inconclusive', []), undefined],
    ['no result, no grade', scenario(8), undefined, undefined],
  ] as const)('%s', (_, item, outcome, points) => {
    expect(gradeOf(rubric([item]), 'ann', AT, played(outcome)).points).toBe(points);
  });

  it('a peer that breaks a rule can not make its grade unknown', () => {
    const broken = seen({ 'control.health': 'broken' }, { results: new Map([['basic', result('inconclusive', [])]]) });
    expect(gradeOf(rubric([scenario(8)]), 'ann', AT, broken).points).toBe(0);
  });

  it('of a hidden one nothing is told but how it ended', () => {
    const item = scenario(8, { hidden: true, title: 'hidden 1' });
    for (const outcome of [result('fail', [false]), result('inconclusive', [])]) {
      const told = JSON.stringify(gradeOf(rubric([item]), 'ann', AT, played(outcome)));
      expect(told).not.toContain('because');
      expect(told).not.toContain('basic');
    }
  });
});

describe('deadlines', () => {
  const late = (hours: number) => {
    const deadline = new Date(AT.getTime() - hours * HOUR_MS).toISOString();
    return gradeOf(
      rubric([rules(10, ['control.health'])], { deadline }),
      'ann',
      AT,
      seen({ 'control.health': 'kept' }),
    );
  };

  it.each([
    [-1, 0, 10],
    [0, 0, 10],
    [1, 1, 9],
    [24, 1, 9],
    [25, 2, 8],
    [49, 3, 0],
  ])('%d h after it', (hours, daysLate, points) => {
    expect(late(hours)).toMatchObject({ daysLate, points });
  });
});
