import { rulesOf } from '../conformance/checks/table.ts';
import type { Grader } from '../conformance/command.ts';
import { verdictOf } from '../conformance/conformance.ts';
import { GROUPS, type RuleId } from '../conformance/rules.ts';
import { gradeOf } from './points.ts';
import { itemLines } from './reports.ts';
import { DEFAULT_RUBRIC, readRubric } from './rubric.ts';

/** `lab conformance --grade`: the points that a peer's rules bring, for the one who writes it. Scenarios are named, and not played. */
export function graderBy(file = DEFAULT_RUBRIC): Grader {
  const rubric = readRubric(file);
  const items = rubric.items.filter((item) => 'rules' in item);
  const rules = new Set<RuleId>(items.flatMap(({ rules }) => rules));
  const scenarios = rubric.items.flatMap((item) => ('scenario' in item ? [item] : []));
  return {
    // In the order in which they are checked: after a liar, a good peer does not call the lab's any more.
    rules: rulesOf(GROUPS).filter((id) => rules.has(id)),
    lines: (findings) => {
      const conformance = { verdict: verdictOf(findings), rules: [...findings] };
      const seen = { conformance, results: new Map(), remarks: [], isItsFault: false };
      // When it was handed in is not known here.
      const grade = gradeOf({ ...rubric, items, deadline: undefined }, 'you', new Date(0), seen);
      const open = scenarios.map(({ title, points }) => `  ${title}: ${points} points, not played here`);
      return ['', `Points by "${rubric.name}":`, ...itemLines(grade), ...open];
    },
  };
}
