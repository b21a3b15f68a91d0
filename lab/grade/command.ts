import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { EXIT, PeerLabError, reasonOf } from '#proto/errors.ts';
import { printable } from '#proto/printable.ts';
import { counted } from '#proto/units.ts';
import { buildServices } from '../drivers/artifacts.ts';
import { findScenario } from '../scenario/find.ts';
import { makePlan } from '../scenario/plan.ts';
import { exitOf, onStop } from '../stop.ts';
import { whyNoEnclosure } from './enclosure.ts';
import { gradeClass, refuseSeen } from './grade-class.ts';
import type { Grade } from './points.ts';
import { gradesTable, writeGrades } from './reports.ts';
import { DEFAULT_RUBRIC, maximumOf, type Rubric, readRubric } from './rubric.ts';
import { findSubmissions, readTimes } from './submissions.ts';

/** `lab grade`: what the options mean, and what is done. */

interface Options {
  rubric: string;
  results: string;
  times?: string;
  jobs: number;
  only: string[];
}

const MAX_JOBS = 64;

export function defineGrade(command: Command, exit: (code: number) => void): void {
  command
    .description('grade a class: the peers in the folders of FOLDER, each by itself, by a rubric (docs/grading.md)')
    .argument('<folder>', 'has a folder for each submission')
    .option('--rubric <file>', 'points for rules and scenarios', DEFAULT_RUBRIC)
    .option('--results <folder>', 'where the grades go', 'results')
    .option('--times <file>', 'when each was submitted: lines of name,time; without it, its newest file says so')
    .option('--jobs <n>', 'submissions at one time; more than one needs a machine that is large enough', aNumber, 1)
    .option('--only <names...>', 'only these submissions', [])
    .action(async (folder: string, options: Options) => exit(await grade(folder, options)));
}

async function grade(classFolder: string, options: Options): Promise<number> {
  const out = (line: string) => process.stdout.write(`${line}\n`);
  const rubric = readRubric(options.rubric);
  readScenarios(rubric);
  refuseSeen(rubric, classFolder);
  const times = options.times === undefined ? undefined : readTimes(options.times);
  const all = findSubmissions(classFolder, times);
  const submissions = all.filter(({ name }) => options.only.length === 0 || options.only.includes(name));
  if (submissions.length === 0)
    throw new PeerLabError('usage', {
      expected: `one of ${all.map(({ name }) => name).join(', ')}`,
      got: 'another name',
    });
  const why = whyNoEnclosure();
  if (why !== undefined) throw new PeerLabError('no-enclosure', { got: why });
  const results = newFolder(options.results);
  await buildServices(out);
  out(`Rubric: ${printable(rubric.name)}, ${maximumOf(rubric)} points; ${counted(submissions.length, 'submission')}`);
  using stop = onStop({ tell: out, atOnce: async () => {} });
  const told = (grade: Grade) => out(`${printable(grade.name)}: ${grade.points ?? 'not known'} of ${grade.of}`);
  const grades = await gradeClass({ rubric, submissions, results, jobs: options.jobs, signal: stop.signal, told });
  writeGrades(results, rubric, grades);
  out(
    `\n${gradesTable(grades)}Grades: ${path.join(results, 'grades.csv')} and grades.json; a folder for each submission`,
  );
  if (stop.signal.aborted) return exitOf(stop.signal.reason);
  return grades.every(({ points }) => points !== undefined) ? EXIT.pass : EXIT.inconclusive;
}

/** A mistake in a scenario is found before anybody is graded. @throws ScenarioInvalid, PeerLabError */
function readScenarios({ items }: Rubric): void {
  for (const item of items) if ('scenario' in item) makePlan(findScenario(item.scenario, {}), {});
}

/** @throws PeerLabError `results-unusable` */
function newFolder(results: string): string {
  const folder = path.resolve(results, `grades-${randomBytes(5).toString('hex')}`);
  try {
    mkdirSync(results, { recursive: true });
    mkdirSync(folder);
  } catch (error) {
    throw new PeerLabError('results-unusable', { about: folder, got: reasonOf(error), cause: error });
  }
  return folder;
}

function aNumber(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1 || number > MAX_JOBS)
    throw new InvalidArgumentError(`expected a number from 1 to ${MAX_JOBS}`);
  return number;
}
