import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { rulesUpTo } from '../conformance/chapters.ts';
import { refuseSeen } from './grade-class.ts';
import { DEFAULT_RUBRIC, maximumOf, readRubric } from './rubric.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'rubric-'));
afterAll(() => rmSync(folder, { recursive: true }));

function rubricOf(items: string, more = '') {
  const file = path.join(folder, 'rubric.yaml');
  writeFileSync(file, `name: r\ncommand: ./peer\n${more}\nitems:\n${items}`);
  return readRubric(file);
}

it('the one that comes along has 100 points, and all rules of the first four chapters', () => {
  const rubric = readRubric(DEFAULT_RUBRIC);
  expect(maximumOf(rubric)).toBe(100);
  expect(new Set(rubric.items.flatMap((item) => ('rules' in item ? item.rules : [])))).toEqual(new Set(rulesUpTo(3)));
});

it('names rules by id, group, level and chapter, each rule once', () => {
  const [item] = rubricOf('  - {rules: [chapter-0, control.token, end], points: 1}').items;
  expect(item).toMatchObject({ title: 'chapter-0, control.token, end', partial: true });
  expect('rules' in item! && item.rules).toEqual([...rulesUpTo(0), 'end.sigterm', 'end.logout']);
});

it('finds scenarios in the library and beside the rubric, and keeps the names of hidden ones to itself', () => {
  const { items } = rubricOf('  - {scenario: basic, points: 1}\n  - {scenario: h/slow.yaml, points: 1, hidden: true}');
  expect(items).toMatchObject([
    { title: 'basic', scenario: 'basic' },
    { title: 'hidden 1', scenario: path.join(folder, 'h/slow.yaml') },
  ]);
});

describe('is refused with what is wrong', () => {
  it.each([
    ['an unknown rule', '  - {rules: [fetch.nothing], points: 1}', 'fetch.nothing'],
    ['a chapter that has no rules', '  - {rules: [chapter-9], points: 1}', 'chapter-9'],
    ['no points', '  - {rules: [fetch], points: 0}', 'items'],
    ['an unknown word', '  - {rules: [fetch], points: 1, pionts: 2}', 'items'],
    ['the same item twice', '  - {rules: [fetch], points: 1}\n  - {rules: [fetch], points: 1}', 'the title "fetch"'],
    ['no items', '  []', 'items'],
  ])('%s', (_, items, said) => {
    expect(() => rubricOf(items)).toThrow(expect.objectContaining({ code: 'rubric-invalid' }));
    expect(() => rubricOf(items)).toThrow(said);
  });

  it('what submissions could read: the class, the rubric, a hidden scenario', () => {
    const hidden = '  - {scenario: h/slow.yaml, points: 1, hidden: true}';
    expect(() => refuseSeen(rubricOf(hidden), path.join(folder, 'class'))).not.toThrow();
    for (const see of ['h', 'class', '.']) {
      const rubric = rubricOf(hidden, `see: ["${path.join(folder, see)}"]`);
      expect(() => refuseSeen(rubric, path.join(folder, 'class'))).toThrow('submissions may read');
    }
    expect(() => refuseSeen(rubricOf(hidden), '/usr/share/class')).toThrow('submissions may read');
  });
});
