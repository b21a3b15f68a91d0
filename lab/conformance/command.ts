import { type Command, InvalidArgumentError } from 'commander';
import { EXIT } from '#proto/errors.ts';
import { printable } from '#proto/printable.ts';
import { candidatesFor } from '../doctor/candidates.ts';
import { findPrograms, type OwnPrograms } from '../doctor/programs.ts';
import { settleDeadRuns } from '../watchdog/dead-runs.ts';
import { rulesOf } from './checks/table.ts';
import { perform } from './perform.ts';
import { ID_CHARS } from './print.ts';
import { GROUPS, type Group, RULES } from './rules.ts';

/** `lab conformance`: what the options mean, and what is done. */

interface Options extends OwnPrograms {
  driver: string;
  results: string;
  only: Group[];
  list: boolean;
}

/** @param command has the options of whatever runs on a driver */
export function defineConformance(command: Command, exit: (code: number) => void): void {
  command
    .description('hold a peer against the peer contract, rule by rule (docs/peer-contract.md)')
    .option('--only <group...>', 'only these groups of rules', oneOfGroups, [])
    .option('--list', 'list the rules, and check nothing', false)
    .action(async (options: Options) => exit(await (options.list ? list(options) : check(options))));
}

function list({ only }: Options): number {
  for (const id of rulesOf(groupsOf(only)))
    process.stdout.write(`${id.padEnd(ID_CHARS)} ${RULES[id].level.padEnd(6)} ${RULES[id].is}\n`);
  return EXIT.pass;
}

async function check({ driver: asked, only, ...options }: Options): Promise<number> {
  const [{ driver, why }] = await candidatesFor(asked);
  const programs = await findPrograms(driver, options, []);
  process.stdout.write(`Driver: ${driver.kind} (${printable(why)})\n`);
  await settleDeadRuns((line) => process.stdout.write(`${line}\n`));
  const tested = programs.find(({ role }) => role === 'peer')?.asked ?? "PeerLab's own peer";
  process.stdout.write(`Checked: ${printable(tested)}\n`);
  return perform({ ...options, driver, groups: groupsOf(only), tested, out: process.stdout });
}

const groupsOf = (only: readonly Group[]) => (only.length > 0 ? only : GROUPS);

function oneOfGroups(text: string, known: readonly Group[]): Group[] {
  const group = GROUPS.find((one) => one === text);
  if (group === undefined) throw new InvalidArgumentError(`expected one of ${GROUPS.join(', ')}`);
  return [...known, group];
}
