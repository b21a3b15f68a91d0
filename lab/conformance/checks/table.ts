import { GROUPS, type Group, groupOf, RULE_IDS, type RuleId } from '../rules.ts';
import type { Stage } from '../stage.ts';
import { control, settings } from './control.ts';
import { attack, load } from './crowd.ts';
import { directory, end, metrics } from './directory.ts';
import { fetching } from './fetching.ts';
import { serving } from './serving.ts';
import { tickets } from './tickets.ts';
import { uploads } from './uploads.ts';

/** Comes back when it has seen the rule kept; otherwise it throws (finding.ts). */
export type Check = (stage: Stage) => Promise<unknown>;

/** THE CHECKS: one for each rule, by the type of this table. */
export const CHECKS: Readonly<Record<RuleId, Check>> = {
  ...settings,
  ...control,
  ...serving,
  ...fetching,
  ...uploads,
  ...tickets,
  ...directory,
  ...metrics,
  ...load,
  ...attack,
  ...end,
};

/** The rules of some groups, in the order of the groups. */
export function rulesOf(groups: readonly Group[]): RuleId[] {
  return GROUPS.filter((group) => groups.includes(group)).flatMap((group) =>
    RULE_IDS.filter((id) => groupOf(id) === group),
  );
}
