import { type Expectation, parseExpectation } from '../checks/expectation.ts';
import type { Names } from '../checks/figure.ts';
import type { Demand } from '../checks/verdict.ts';
import type { Flaw, ScenarioInvalid } from '../language/mistake.ts';
import { suggestion } from '../language/suggestion.ts';
import type { Step } from '../steps/step.ts';
import { STEPS } from '../steps/table.ts';
import { readDocument } from './document.ts';
import { type ScenarioFrame, scenarioFrame } from './schema.ts';
import { flawsOf } from './schema-flaws.ts';
import { substitute, type Variables } from './variables.ts';

/** A scenario file, read: its shape is right; whether it makes sense with this number of peers is the plan's question. */
export interface Scenario extends Omit<ScenarioFrame, 'steps' | 'vars'> {
  readonly file: string;
  readonly text: string;
  /** With what the command line set. */
  readonly vars: Variables;
  readonly steps: readonly Step[];
  /** What figures of this scenario can be of. */
  readonly names: Names;
  readonly demands: readonly Demand[];
  /** All expectations with their places, those of `expect` steps too. */
  readonly asked: readonly Asked[];
  /** What is wrong with steps and expectations; the plan adds what only shows when all is laid out, and refuses. */
  readonly flaws: readonly Flaw[];
  /** Turns flaws into the error that names their places. */
  invalid(flaws: readonly Flaw[]): ScenarioInvalid;
}

/** An expectation, and where it stands. */
export interface Asked {
  readonly expectation: Expectation;
  readonly path: readonly PropertyKey[];
}

/**
 * @param given variables from the command line
 * @throws ScenarioInvalid with all mistakes, when what is wrong lies so deep that no plan can be tried
 */
export function readScenario(text: string, file: string, given: Variables = {}): Scenario {
  const { value: raw, invalid } = readDocument(text, file);
  const flaws: Flaw[] = [];
  const vars = { ...variablesOf(raw), ...given };
  for (const name of Object.keys(given)) {
    const known = Object.keys(variablesOf(raw));
    if (!known.includes(name))
      flaws.push({ path: ['vars'], message: `there is no variable "${name}" to set.${suggestion(name, known)}` });
  }
  const value = substitute(raw, vars, flaws);
  const frame = scenarioFrame.safeParse(value);
  if (!frame.success) flaws.push(...flawsOf(frame.error, value, []));
  // Steps and expectations are looked at even when the rest is wrong, so that one reading names every mistake.
  const groups = new Set(Object.keys(groupsOf(value)));
  const steps = readSteps(listAt(value, 'steps'), ['steps'], { groups, flaws, withinEach: false, timed: false });
  const names = namesOf(steps, groups);
  const asked: Asked[] = [];
  const demands = readDemands(listAt(value, 'expect'), names, flaws, asked);
  readExpectSteps(steps, names, flaws, asked);
  if (!frame.success) throw invalid(flaws);
  return { ...frame.data, vars, file, text, steps, names, demands, asked, flaws, invalid };
}

function mapAt(value: unknown, key: string): Record<string, unknown> {
  const inner = (value as Record<string, unknown> | null)?.[key];
  return inner !== null && typeof inner === 'object' && !Array.isArray(inner) ? (inner as Record<string, unknown>) : {};
}
const groupsOf = (value: unknown) => mapAt(value, 'groups');
const variablesOf = (value: unknown) => mapAt(value, 'vars') as Variables;

function listAt(value: unknown, key: string): unknown[] {
  const list = (value as Record<string, unknown> | null)?.[key];
  return Array.isArray(list) ? list : [];
}

interface StepReading {
  readonly groups: ReadonlySet<string>;
  readonly flaws: Flaw[];
  readonly withinEach: boolean;
  /** Within a `repeat` for a time. */
  readonly timed: boolean;
}

function readSteps(values: readonly unknown[], path: readonly PropertyKey[], reading: StepReading): Step[] {
  return values.flatMap((value, index) => readStep(value, [...path, index], reading) ?? []);
}

function readStep(value: unknown, path: readonly PropertyKey[], reading: StepReading): Step | undefined {
  const { flaws } = reading;
  const keys = value !== null && typeof value === 'object' && !Array.isArray(value) ? Object.keys(value) : [];
  const verb = keys[0];
  if (verb === undefined || keys.length > 1) {
    const got = keys.length > 1 ? `${keys.length} keys: ${keys.join(', ')}` : describe(value);
    flaws.push({ path, message: `expected a step: a map with one verb, such as "- login: all", got ${got}` });
    return undefined;
  }
  const kind = STEPS.get(verb);
  if (!kind) {
    flaws.push({
      path: [...path, verb],
      message: `unknown step "${verb}".${suggestion(verb, [...STEPS.keys()])}`,
      atKey: true,
    });
    return undefined;
  }
  const given = (value as Record<string, unknown>)[verb];
  const spec = typeof given === 'string' && kind.shorthand ? { [kind.shorthand]: given } : given;
  const inner = (kind.inner?.(looseSpec(spec)) ?? []).map(({ path: below, steps }) =>
    readSteps(steps, [...path, verb, ...below], {
      ...reading,
      withinEach: reading.withinEach || verb === 'each',
      timed: reading.timed || (verb === 'repeat' && (spec as { for?: unknown } | null)?.for !== undefined),
    }),
  );
  const result = kind.schema.safeParse(spec);
  if (!result.success) {
    flaws.push(...flawsOf(result.error, spec, [...path, verb]));
    return undefined;
  }
  flaws.push(...groupFlaws(kind.groups(result.data), [...path, verb], reading));
  if (verb === 'barrier') flaws.push(...barrierFlaws([...path, verb], reading));
  return { kind, spec: result.data, path: [...path, verb], id: idOf(path), inner };
}

function barrierFlaws(path: readonly PropertyKey[], { withinEach, timed }: StepReading): Flaw[] {
  if (!withinEach) {
    const message = 'a barrier stands within `each`: elsewhere every step waits for all anyway';
    return [{ path, message, atKey: true }];
  }
  const message =
    'nobody knows how many rounds a `repeat` for a time has: peers could wait for one whose last round is over; use `times`';
  return timed ? [{ path, message, atKey: true }] : [];
}

/** Enough of a spec that `inner` can look for steps in it, whatever else is wrong. */
function looseSpec(spec: unknown): never {
  const given = spec !== null && typeof spec === 'object' ? (spec as Record<string, unknown>) : {};
  const branches = Array.isArray(given.branches)
    ? given.branches.map((branch) => (Array.isArray(branch) ? branch : []))
    : [];
  return { ...given, steps: Array.isArray(given.steps) ? given.steps : [], branches } as never;
}

/** `3.2` for the second step inside the third: every number of the path counts, from 1. */
function idOf(path: readonly PropertyKey[]): string {
  return path
    .filter((key) => typeof key === 'number')
    .map((index) => (index as number) + 1)
    .join('.');
}

function groupFlaws(
  named: Record<string, string>,
  path: readonly PropertyKey[],
  { groups, withinEach }: StepReading,
): Flaw[] {
  return Object.entries(named).flatMap(([key, name]) => {
    if (name === 'all' || groups.has(name) || (name === 'self' && withinEach)) {
      const leader = withinEach && key === 'group' && name !== 'self' && path.at(-1) !== 'each';
      return leader ? [{ path: [...path, key], message: 'within `each` a peer acts for itself: expected self' }] : [];
    }
    if (name === 'self') return [{ path: [...path, key], message: 'self has a meaning only within `each`' }];
    return [{ path: [...path, key], message: `unknown group "${name}".${suggestion(name, ['all', ...groups])}` }];
  });
}

function namesOf(steps: readonly Step[], groups: ReadonlySet<string>): Names {
  const verbs = new Set<string>();
  const named = new Set<string>();
  const visit = (some: readonly Step[]) => {
    for (const { kind, spec, inner } of some) {
      for (const operation of kind.records ?? []) verbs.add(operation);
      const { as } = spec as { as?: string };
      if (as !== undefined) named.add(as);
      for (const list of inner) visit(list);
    }
  };
  visit(steps);
  return { verbs, groups, steps: named };
}

function readDemands(values: readonly unknown[], names: Names, flaws: Flaw[], asked: Asked[]): Demand[] {
  return values.flatMap((value, index) => {
    const given = typeof value === 'string' ? { that: value } : (value as Record<string, unknown> | null);
    // What has no text is the frame's mistake.
    if (typeof given?.that !== 'string') return [];
    const path = typeof value === 'string' ? ['expect', index] : ['expect', index, 'that'];
    const parsed = parseExpectation(given.that, names);
    if ('flaw' in parsed) {
      flaws.push({ path, message: parsed.flaw });
      return [];
    }
    asked.push({ expectation: parsed.expectation, path });
    const read = scenarioFrame.shape.expect.safeParse([value]);
    const { within, abort } = read.data?.[0] ?? {};
    if ((within !== undefined || abort) && !parsed.expectation.figure.live) {
      flaws.push({
        path,
        message: `${parsed.expectation.figure.text} is known only at the end: it can't be held while the run goes on`,
      });
    }
    if (within !== undefined && abort)
      flaws.push({ path: ['expect', index, 'abort'], message: '`within` and `abort` do not go together' });
    return [{ ...parsed.expectation, ...(within !== undefined && { withinMs: within }), ...(abort && { abort }) }];
  });
}

function readExpectSteps(steps: readonly Step[], names: Names, flaws: Flaw[], asked: Asked[]): void {
  for (const { kind, spec, path, inner } of steps) {
    for (const list of inner) readExpectSteps(list, names, flaws, asked);
    if (kind.verb !== 'expect') continue;
    const parsed = parseExpectation((spec as { that: string }).that, names);
    if ('flaw' in parsed) {
      flaws.push({ path: [...path, 'that'], message: parsed.flaw });
      continue;
    }
    asked.push({ expectation: parsed.expectation, path: [...path, 'that'] });
    if (!parsed.expectation.figure.live) {
      flaws.push({
        path: [...path, 'that'],
        message: `${parsed.expectation.figure.text} is known only at the end: put it under the scenario's own expect`,
      });
    }
  }
}

function describe(value: unknown): string {
  if (value === null) return 'nothing';
  return Array.isArray(value) ? 'a list' : `${typeof value === 'object' ? 'an empty map' : JSON.stringify(value)}`;
}
