import { expect, it } from 'vitest';
import type { Grade } from './points.ts';
import { autogradingOf, csvOf } from './reports.ts';

const grade = (more: Partial<Grade> = {}): Grade => ({
  ...{ name: 'ann', points: 6, of: 10, daysLate: 0, remarks: [] },
  items: [
    { title: 'serves', points: 5, of: 5, why: '5 of 5 rules kept' },
    { title: 'fetches', points: 1, of: 5, why: '1 of 5 rules kept' },
  ],
  ...more,
});

it('a spreadsheet gets one line for each, quoted where it must be, and never a formula', () => {
  const text = csvOf([
    grade({ remarks: ['it said "no", twice'] }),
    grade({ name: '=cmd|x', points: undefined, daysLate: 2 }),
  ]);
  expect(text).toBe(
    'name,points,of,days late,serves,fetches,remarks\r\n' +
      'ann,6,10,0,5,1,"it said ""no"", twice"\r\n' +
      "'=cmd|x,,10,2,5,1,\r\n",
  );
});

it('the scores for GitHub Classroom add up to the points', () => {
  const told = autogradingOf(grade({ points: 5.4, daysLate: 1 }));
  expect(told).toMatchObject({ version: 1, status: 'fail', max_score: 10 });
  expect(told.tests.map(({ score }) => score)).toEqual([5, 1, -0.6]);
  expect(told.tests.map(({ status }) => status)).toEqual(['pass', 'fail', 'fail']);
  expect(autogradingOf(grade({ points: undefined })).status).toBe('error');
});
