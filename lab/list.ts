import Table from 'cli-table3';
import { printableAll } from '#proto/printable.ts';
import { needsOf } from './doctor/needs.ts';
import { OF_ITS_OWN } from './drivers/capabilities.ts';
import { bytes, seconds } from './report/format.ts';
import { findScenario, libraryNames } from './scenario/find.ts';
import { makePlan } from './scenario/plan.ts';

/** The library as a table: name, peers, bytes to make, needs, usual duration, question. */
export function listScenarios(out: { readonly columns?: number }): string {
  const width = Math.max(60, (out.columns ?? 160) - 4);
  const table = new Table({
    head: ['scenario', 'peers', 'files', 'takes', 'needs', 'tags', 'question'],
    style: { head: [], border: [], compact: true },
    colAligns: ['left', 'right', 'right', 'right', 'left', 'left', 'left'],
    colWidths: [null, null, null, null, null, null, Math.max(30, width - 85)],
    wordWrap: true,
  });
  for (const name of libraryNames()) {
    const scenario = findScenario(name);
    const plan = makePlan(scenario);
    const { peers } = plan;
    const special = needsOf(plan).filter(({ what }) => !Object.hasOwn(OF_ITS_OWN, what));
    const needs = [...new Set(special.map(({ what }) => what))].join(', ') || 'nothing special';
    const takes = scenario.takes === undefined ? '?' : seconds(scenario.takes / 1000);
    const made = peers.flatMap(({ share }) => share).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const row = [name, peers.length, bytes(made), takes, needs, scenario.tags.join(', '), scenario.description.trim()];
    table.push(printableAll(row));
  }
  return `${table.toString()}\n`;
}
