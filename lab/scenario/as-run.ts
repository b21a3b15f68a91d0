import path from 'node:path';
import { isSeq } from 'yaml';
import { expandedDocument } from './document.ts';
import type { Scenario } from './read.ts';
import { escaped } from './variables.ts';

/**
 * The scenario as it was run, comments included, with the seed and the counts of the run in it and `from` leading to
 * the same folders from where it now lies: running it again gives the same plan.
 */
export function scenarioAsRun(
  scenario: Scenario,
  { seed, peersPerInstance }: { readonly seed: number; readonly peersPerInstance: number },
  counts: ReadonlyMap<string, number>,
  folder: string,
): string {
  const document = expandedDocument(scenario.text);
  // As a node of its own: what stood there may have had a tag, or a way of writing, that does not fit the new value.
  const set = (at: readonly unknown[], value: unknown) => document.setIn(at, document.createNode(value));
  set(['seed'], seed);
  if (peersPerInstance !== scenario.peersPerInstance) set(['peersPerInstance'], peersPerInstance);
  for (const [name, value] of Object.entries(scenario.vars)) set(['vars', name], value);
  for (const [name, count] of counts) {
    if (scenario.groups[name]?.count !== count) set(['groups', name, 'count'], count);
  }
  const origin = path.dirname(path.resolve(scenario.file));
  for (const [name, { share }] of Object.entries(scenario.groups)) {
    for (const [index, { from }] of share.entries()) {
      if (from === undefined) continue;
      const place = isSeq(document.getIn(['groups', name, 'share'], true)) ? [index] : [];
      const there = path.relative(folder, path.resolve(origin, from)) || '.';
      set(['groups', name, 'share', ...place, 'from'], escaped(there));
    }
  }
  return document.toString();
}
