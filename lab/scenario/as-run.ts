import path from 'node:path';
import { parseDocument } from 'yaml';
import type { Scenario } from './read.ts';

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
  const document = parseDocument(scenario.text, { version: '1.2' });
  document.set('seed', seed);
  if (peersPerInstance !== scenario.peersPerInstance) document.set('peersPerInstance', peersPerInstance);
  for (const [name, value] of Object.entries(scenario.vars)) document.setIn(['vars', name], value);
  for (const [name, count] of counts) {
    if (scenario.groups[name]?.count !== count) document.setIn(['groups', name, 'count'], count);
  }
  const origin = path.dirname(path.resolve(scenario.file));
  for (const [name, { share }] of Object.entries(scenario.groups)) {
    for (const [index, { from }] of share.entries()) {
      if (from === undefined) continue;
      const asList = document.hasIn(['groups', name, 'share', 0]);
      document.setIn(
        ['groups', name, 'share', ...(asList ? [index] : []), 'from'],
        path.relative(folder, path.resolve(origin, from)),
      );
    }
  }
  return document.toString();
}
