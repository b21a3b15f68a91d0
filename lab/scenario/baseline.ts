import { expandedDocument } from './document.ts';
import { readScenario, type Scenario } from './read.ts';

/** What must hold of a baseline: that every file arrived. What the scenario expects is about peers that help each other. */
const EXPECTED = 'transfers.failed == 0';

/**
 * The same scenario with peers that give nothing on while they fetch (PEER_SWARM=0), to see what it takes then. It is an
 * ordinary scenario: its run can be reported and played again.
 * @throws ScenarioInvalid
 */
export function baselineOf(scenario: Scenario): Scenario {
  const document = expandedDocument(scenario.text);
  // As a node of its own: what stood there may have had another form.
  const set = (at: readonly unknown[], value: unknown) => document.setIn(at, document.createNode(value));
  set(['name'], `${scenario.name}-baseline`);
  for (const group of Object.keys(scenario.groups)) set(['groups', group, 'env', 'PEER_SWARM'], '0');
  set(['expect'], [EXPECTED]);
  return readScenario(document.toString(), scenario.file, scenario.vars);
}
