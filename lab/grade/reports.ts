import { mkdirSync } from 'node:fs';
import path from 'node:path';
import Table from 'cli-table3';
import { printable } from '#proto/printable.ts';
import { writeWhole } from '../history/write-whole.ts';
import type { Grade } from './points.ts';
import type { Rubric } from './rubric.ts';

/** What a teacher imports and reads. */

const AUTOGRADING_FILE = 'autograding.json';

/** `grades.csv` and `grades.json` of the class, and for each submission `autograding.json`; each whole or not at all. */
export function writeGrades(folder: string, rubric: Pick<Rubric, 'name' | 'file'>, grades: readonly Grade[]): void {
  writeWhole(path.join(folder, 'grades.csv'), csvOf(grades));
  writeWhole(path.join(folder, 'grades.json'), jsonText({ rubric: rubric.name, grades }));
  for (const grade of grades) {
    mkdirSync(path.join(folder, grade.name), { recursive: true });
    writeWhole(path.join(folder, grade.name, AUTOGRADING_FILE), jsonText(autogradingOf(grade)));
  }
}

const jsonText = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;

/** RFC 4180, in UTF-8. A grade that is not known is an empty field. */
export function csvOf(grades: readonly Grade[]): string {
  const titles = grades[0]?.items.map(({ title }) => title) ?? [];
  const rows = grades.map(({ name, points, of, daysLate, items, remarks }) => [
    ...[name, points ?? '', of, daysLate],
    ...items.map((item) => item.points),
    remarks.join('; '),
  ]);
  const lines = [['name', 'points', 'of', 'days late', ...titles, 'remarks'], ...rows];
  return lines.map((line) => `${line.map(field).join(',')}\r\n`).join('');
}

/** Spreadsheets take what begins with one of these for a formula: names of folders are other people's words. */
const FORMULA = /^[=+\-@\t\r]/;

function field(value: string | number): string {
  if (typeof value === 'number') return String(value);
  const safe = FORMULA.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/**
 * What a step of a workflow hands to `autograding-grading-reporter` of GitHub Classroom, in base64, as its output: the reporter adds up
 * the scores. So what a late submission lost is a score of its own.
 */
export function autogradingOf({ points, of, items, daysLate, remarks }: Grade) {
  const tests = items.map((item) => ({
    name: item.title,
    status: item.points === item.of ? 'pass' : 'fail',
    score: item.points,
    message: item.why,
  }));
  const sum = items.reduce((total, item) => total + item.points, 0);
  const lost = points === undefined ? 0 : Math.round((sum - points) * 100) / 100;
  if (lost > 0) tests.push({ name: 'late', status: 'fail', score: -lost, message: `${daysLate} days late` });
  const status = points === undefined ? 'error' : points === of ? 'pass' : 'fail';
  return { version: 1, status, max_score: of, remarks, tests };
}

/** For a terminal: a line for each submission. */
export function gradesTable(grades: readonly Grade[]): string {
  const table = new Table({ head: ['name', 'points', 'of', 'days late', 'remarks'], style: { head: [], border: [] } });
  for (const { name, points, of, daysLate, remarks } of grades)
    table.push([printable(name), points ?? 'not known', of, daysLate, printable(remarks.join('; '))]);
  return `${table.toString()}\n`;
}

/** For a terminal: what one grade is made of. */
export function itemLines({ items, points, of }: Grade): string[] {
  const width = Math.max(...items.map(({ title }) => title.length));
  return [
    ...items.map(
      (item) => `  ${printable(item.title).padEnd(width)}  ${item.points}/${item.of}  ${printable(item.why)}`,
    ),
    `  ${'in all'.padEnd(width)}  ${points ?? 'not known'}/${of}`,
  ];
}
