import { type Command, InvalidArgumentError } from 'commander';
import { EXIT, PeerLabError } from '#proto/errors.ts';
import { printable } from '#proto/printable.ts';
import { candidatesFor } from '../doctor/candidates.ts';
import { findPrograms, type OwnPrograms } from '../doctor/programs.ts';
import { settleDeadRuns } from '../watchdog/dead-runs.ts';
import { CHAPTERS, rulesUpTo } from './chapters.ts';
import { rulesOf } from './checks/table.ts';
import type { Finding } from './conformance.ts';
import { perform } from './perform.ts';
import { ID_CHARS } from './print.ts';
import { GROUPS, groupOf, RULES, type RuleId } from './rules.ts';

/** `lab conformance`: what the options mean, and what is done. */

interface Options extends OwnPrograms {
  driver: string;
  results: string;
  only: RuleId[];
  chapter?: number;
  list: boolean;
  /** True: by the rubric that comes along. */
  grade?: string | true;
}

/** What the rules bring by a rubric. */
export interface Grader {
  readonly rules: readonly RuleId[];
  /** For people. */
  lines(findings: readonly Finding[]): string[];
}

/**
 * @param command has the options of whatever runs on a driver
 * @param graderBy reads a rubric, or the one that comes along
 */
export function defineConformance(
  command: Command,
  exit: (code: number) => void,
  graderBy: (rubric: string | undefined) => Grader,
): void {
  command
    .description('hold a peer against the peer contract, rule by rule (docs/peer-contract.md)')
    .option('--only <what...>', 'only these rules, or groups of rules', rulesNamed, [])
    .option('--chapter <number>', 'only what the course has asked for up to this chapter (docs/course)', aChapter)
    .option('--list', 'list the rules, and check nothing', false)
    .option('--grade [rubric]', 'the points that the rules of a rubric bring (docs/grading.md)')
    .action(async ({ grade, ...options }: Options) => {
      const grader = grade === undefined ? undefined : graderBy(grade === true ? undefined : grade);
      const ids = grader?.rules ?? wanted(options);
      exit(await (options.list ? list(ids) : check(options, ids, grader)));
    });
}

function list(ids: readonly RuleId[]): number {
  for (const id of ids) process.stdout.write(`${id.padEnd(ID_CHARS)} ${RULES[id].level.padEnd(6)} ${RULES[id].is}\n`);
  return EXIT.pass;
}

type CheckOptions = Omit<Options, 'grade' | 'list'>;

async function check({ driver: asked, ...options }: CheckOptions, ids: readonly RuleId[], grader?: Grader) {
  const [{ driver, why }] = await candidatesFor(asked);
  const programs = await findPrograms(driver, options, []);
  process.stdout.write(`Driver: ${driver.kind} (${printable(why)})\n`);
  await settleDeadRuns((line) => process.stdout.write(`${line}\n`));
  const tested = programs.find(({ role }) => role === 'peer')?.asked ?? "PeerLab's own peer";
  process.stdout.write(`Checked: ${printable(tested)}\n`);
  const judged = (findings: readonly Finding[]) => {
    for (const line of grader?.lines(findings) ?? []) process.stdout.write(`${line}\n`);
  };
  return perform({ ...options, driver, ids, tested, out: process.stdout, judged });
}

/** In the order of the table of rules. @throws PeerLabError `usage` */
function wanted({ only, chapter }: Pick<Options, 'only' | 'chapter'>): RuleId[] {
  const [named, learnt] = [new Set(only), new Set(rulesUpTo(chapter ?? CHAPTERS.length))];
  const ids = rulesOf(GROUPS).filter((id) => (named.size === 0 || named.has(id)) && learnt.has(id));
  // A check of nothing would pass.
  if (ids.length === 0)
    throw new PeerLabError('usage', { expected: 'rules of these chapters', got: `none of ${only.join(', ')}` });
  return ids;
}

function rulesNamed(text: string, known: readonly RuleId[]): RuleId[] {
  const found = rulesOf(GROUPS).filter((id) => id === text || groupOf(id) === text);
  if (found.length === 0)
    throw new InvalidArgumentError(`expected the id of a rule (--list shows them), or one of ${GROUPS.join(', ')}`);
  return [...known, ...found];
}

function aChapter(text: string): number {
  const number = Number(text);
  if (text.trim() === '' || !Number.isInteger(number) || number < 0 || number >= CHAPTERS.length)
    throw new InvalidArgumentError(`expected a number from 0 to ${CHAPTERS.length - 1}`);
  return number;
}
