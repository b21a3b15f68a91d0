import type { Result } from '../checks/result-schema.ts';
import type { Conformance } from '../conformance/reports.ts';
import { type Item, maximumOf, type Rubric, type RulesItem, type ScenarioItem } from './rubric.ts';

/** From what was seen of a submission to its points: pure. */

const DAY_MS = 86_400_000;

/** What was seen; a part is undefined where the lab could not look, and says why. */
export interface Seen {
  readonly conformance: Pick<Conformance, 'verdict' | 'rules'> | undefined;
  /** By the scenario of the item. */
  readonly results: ReadonlyMap<string, Outcome>;
  /** Of everything that the lab could not see, and what the submission did that it should not. */
  readonly remarks: readonly string[];
  /** It took more than it may, so what was not seen is its own doing, and counts as not kept. */
  readonly isItsFault: boolean;
}

export type Outcome = Pick<Result, 'verdict' | 'reason' | 'checks' | 'expectations'> | undefined;

export interface ItemGrade {
  readonly title: string;
  readonly points: number;
  readonly of: number;
  /** A short sentence, for the one who submitted: nothing of what is hidden. */
  readonly why: string;
}

export interface Grade {
  readonly name: string;
  /** Undefined: the lab could not see enough to say. */
  readonly points: number | undefined;
  readonly of: number;
  readonly daysLate: number;
  readonly items: readonly ItemGrade[];
  readonly remarks: readonly string[];
}

/**
 * Points of an item: its points times the part that holds where `partial` is set, else all or nothing. What was not seen to hold does not
 * count. From the sum goes `late.percentPerDay` of it for each day begun after the deadline; after `late.days`, all.
 */
export function gradeOf(rubric: Rubric, name: string, submittedAt: Date, seen: Seen): Grade {
  const looks = rubric.items.map((item) => lookAt(item, seen));
  const items = looks.map(({ isOpen: _, ...item }) => item);
  const daysLate = daysAfter(rubric.deadline, submittedAt);
  const facts = { name, of: maximumOf(rubric), daysLate, items };
  // A peer that breaks the contract can make any run inconclusive.
  const isItsFault = seen.isItsFault || seen.conformance?.verdict === 'fail';
  const open = isItsFault ? [] : looks.filter(({ isOpen }) => isOpen);
  const remarks = [...seen.remarks, ...open.map(({ title, why }) => `${title} was not seen: ${why}`)];
  if (open.length > 0) return { ...facts, points: undefined, remarks };
  const sum = items.reduce((total, { points }) => total + points, 0);
  return { ...facts, points: rounded(sum * factorOf(rubric, daysLate)), remarks };
}

interface Look extends ItemGrade {
  /** The lab could not see enough. */
  readonly isOpen: boolean;
}

function lookAt(item: Item, seen: Seen): Look {
  return 'rules' in item ? atRules(item, seen.conformance) : atScenario(item, seen.results.get(item.scenario));
}

function atRules(item: RulesItem, conformance: Seen['conformance']): Look {
  const { title, points: of } = item;
  if (!conformance) return { title, of, points: 0, isOpen: true, why: 'the rules could not be looked at' };
  const wanted = conformance.rules.filter(({ id }) => (item.rules as readonly string[]).includes(id));
  const kept = wanted.filter(({ outcome }) => outcome === 'kept');
  const missed = wanted.filter(({ outcome }) => outcome !== 'kept').map(({ id, outcome }) => `${id} is ${outcome}`);
  const why = [`${kept.length} of ${item.rules.length} rules kept`, ...missed].join('; ');
  const isOpen = wanted.some(({ outcome }) => outcome === 'not seen');
  return { title, of, points: portion(item, kept.length, item.rules.length), isOpen, why };
}

function atScenario(item: ScenarioItem, result: Outcome): Look {
  const { title, points: of, hidden } = item;
  if (!result || result.verdict === 'inconclusive')
    return { title, of, points: 0, isOpen: true, why: hidden || !result ? 'no verdict' : result.reason };
  const judged = [
    ...result.checks.map(({ verdict }) => verdict === 'pass'),
    ...result.expectations.map(({ ok }) => ok),
  ];
  const held = result.verdict === 'pass' ? judged.length : Math.min(judged.filter(Boolean).length, judged.length - 1);
  return {
    ...{ title, of, points: portion(item, held, judged.length), isOpen: false },
    why: hidden ? result.verdict : result.reason,
  };
}

function portion({ points, partial }: Item, held: number, all: number): number {
  if (held >= all) return points;
  return partial && all > 0 ? rounded((points * Math.max(0, held)) / all) : 0;
}

/** @returns days begun since the deadline */
function daysAfter(deadline: string | undefined, at: Date): number {
  if (deadline === undefined) return 0;
  return Math.max(0, Math.ceil((at.getTime() - Date.parse(deadline)) / DAY_MS));
}

function factorOf({ late }: Rubric, days: number): number {
  if (days > late.days) return 0;
  return Math.max(0, 1 - (days * late.percentPerDay) / 100);
}

/** To hundredths: what a person can read, and the same each time. */
function rounded(points: number): number {
  return Math.round(points * 100) / 100;
}
