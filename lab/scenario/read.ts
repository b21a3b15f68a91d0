import { isMap, isPair, isScalar, LineCounter, type Node, parseDocument } from 'yaml';
import type { z } from 'zod';
import { type Expectation, parseExpectation } from '../checks/expectation.ts';
import type { Step } from '../steps/step.ts';
import { groupFlaws } from '../steps/step.ts';
import { STEPS } from '../steps/table.ts';
import { type Flaw, type Mistake, ScenarioInvalid, suggestion } from './mistake.ts';
import { type ScenarioFrame, scenarioFrame } from './schema.ts';

/** A scenario file, read: its shape is right; whether it makes sense with so many peers is the plan's question. */
export interface Scenario extends Omit<ScenarioFrame, 'steps'> {
  readonly file: string;
  readonly text: string;
  readonly steps: readonly Step[];
  /** What is wrong with steps and expectations; the plan adds what only shows when all is laid out, and refuses. */
  readonly flaws: readonly Flaw[];
  readonly expectations: readonly Expectation[];
  /** Turns flaws into the error that names their places. */
  invalid(flaws: readonly Flaw[]): ScenarioInvalid;
}

/** Bounds on the file, far above any scenario and far below what hurts. */
const MAX_TEXT_BYTES = 1024 * 1024;
const MAX_ALIASES = 100;
const MAX_DEPTH = 40;

/** @throws ScenarioInvalid with all mistakes, when what is wrong lies so deep that no plan can be tried */
export function readScenario(text: string, file: string): Scenario {
  const lines = new LineCounter();
  const refuse = (message: string) => new ScenarioInvalid(file, [{ line: 1, column: 1, message }]);
  if (Buffer.byteLength(text) > MAX_TEXT_BYTES) throw refuse('expected at most 1 MiB of text');
  if (deeperThan(text, MAX_DEPTH)) throw refuse(`expected at most ${MAX_DEPTH} levels of nesting`);
  const document = parseDocument(text, { version: '1.2', lineCounter: lines, uniqueKeys: true, prettyErrors: false });
  if (document.errors.length > 0) {
    throw new ScenarioInvalid(
      file,
      document.errors.map(({ pos, message }) => ({ ...place(lines, pos[0]), message })),
    );
  }
  const locate = (flaw: Flaw): Mistake => ({
    ...place(lines, offsetOf(document.contents, flaw)),
    message: flaw.message,
  });
  const invalid = (flaws: readonly Flaw[]) => new ScenarioInvalid(file, flaws.map(locate));

  const value = plain(() => document.toJS({ maxAliasCount: MAX_ALIASES }), refuse);
  const frame = scenarioFrame.safeParse(value);
  const flaws = frame.success ? [] : flawsOf(frame.error, value, []);
  // Steps and expectations are looked at even when the rest is wrong, so that one reading names every mistake.
  const steps = listAt(value, 'steps').map((step, index) => readStep(step, ['steps', index], flaws));
  const expectations = readExpectations(listAt(value, 'expect'), listAt(value, 'steps'), flaws);
  if (!frame.success) throw invalid(flaws);
  flaws.push(...namedGroups(steps, Object.keys(frame.data.groups)));
  return { ...frame.data, file, text, steps: steps.filter((step) => step !== undefined), expectations, flaws, invalid };
}

function listAt(value: unknown, key: string): unknown[] {
  const list = (value as Record<string, unknown> | null)?.[key];
  return Array.isArray(list) ? list : [];
}

function readExpectations(texts: unknown[], steps: unknown[], flaws: Flaw[]): Expectation[] {
  const verbs = new Set(steps.flatMap((step) => (step !== null && typeof step === 'object' ? Object.keys(step) : [])));
  return texts.flatMap((text, index) => {
    // What is no text is the frame's mistake.
    const parsed = typeof text === 'string' ? parseExpectation(text, verbs) : undefined;
    if (parsed && 'flaw' in parsed) flaws.push({ path: ['expect', index], message: parsed.flaw });
    return parsed && 'expectation' in parsed ? [parsed.expectation] : [];
  });
}

function plain(toJs: () => unknown, refuse: (message: string) => Error): unknown {
  try {
    return toJs();
  } catch {
    throw refuse(`expected at most ${MAX_ALIASES} uses of aliases`);
  }
}

function readStep(value: unknown, path: PropertyKey[], flaws: Flaw[]): Step | undefined {
  const verbs = [...STEPS.keys()];
  const keys = value !== null && typeof value === 'object' && !Array.isArray(value) ? Object.keys(value) : [];
  const verb = keys[0];
  if (verb === undefined || keys.length > 1) {
    flaws.push({
      path,
      message: `expected a step: a map with one verb, such as "- login: all", got ${keys.length > 1 ? `${keys.length} keys: ${keys.join(', ')}` : describe(value)}`,
    });
    return undefined;
  }
  const kind = STEPS.get(verb);
  if (!kind) {
    flaws.push({ path: [...path, verb], message: `unknown step "${verb}".${suggestion(verb, verbs)}`, atKey: true });
    return undefined;
  }
  const given = (value as Record<string, unknown>)[verb];
  const spec = typeof given === 'string' ? { [kind.shorthand]: given } : given;
  const result = kind.schema.safeParse(spec);
  if (result.success) return { kind, spec: result.data };
  flaws.push(...flawsOf(result.error, spec, [...path, verb]));
  return undefined;
}

function namedGroups(steps: readonly (Step | undefined)[], groups: readonly string[]): Flaw[] {
  return steps.flatMap((step, index) =>
    step
      ? groupFlaws(step, groups, (word) => suggestion(word, ['all', ...groups])).map((flaw) => ({
          ...flaw,
          path: ['steps', index, ...flaw.path],
        }))
      : [],
  );
}

/** What a schema found wrong with `value`, which stands at `prefix` in the file. */
function flawsOf(error: z.ZodError, value: unknown, prefix: readonly PropertyKey[]): Flaw[] {
  return error.issues.flatMap((issue) => flawsOfIssue(issue, value, prefix));
}

function flawsOfIssue(issue: z.core.$ZodIssue, value: unknown, prefix: readonly PropertyKey[]): Flaw[] {
  const path = [...prefix, ...issue.path];
  const inner = issue.path.reduce(
    (at: unknown, key) => (at as Record<PropertyKey, unknown> | undefined | null)?.[key],
    value,
  );
  if (issue.code === 'unrecognized_keys') {
    const messages = issue.message.split('\n');
    return issue.keys.map((key, i) => ({ path: [...path, key], message: messages[i] ?? issue.message, atKey: true }));
  }
  if (issue.code === 'invalid_key') return [{ path, message: issue.issues[0]?.message ?? issue.message, atKey: true }];
  // Of a union, the branch that got further than the type says best what is wrong.
  if (issue.code === 'invalid_union') {
    const branch = issue.errors.find((issues) =>
      issues.some(({ path, code }) => path.length > 0 || code === 'unrecognized_keys'),
    );
    if (branch) return branch.flatMap((deeper) => flawsOfIssue(deeper, inner, path));
  }
  const message = issue.message.replace(/^(Invalid input|Too (big|small)): /, '').replace(', received ', ', got ');
  if (inner === undefined && path.length > 0)
    return [{ path, message: `"${String(path.at(-1))}" is missing: ${message.replace(', got undefined', '')}` }];
  return [{ path, message }];
}

function describe(value: unknown): string {
  if (value === null) return 'nothing';
  return Array.isArray(value) ? 'a list' : `${typeof value === 'object' ? 'an empty map' : JSON.stringify(value)}`;
}

function place(lines: LineCounter, offset: number): { line: number; column: number } {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}

/** Where in the text a path leads; when it leads nowhere (a key is missing), the last place on the way. */
function offsetOf(root: unknown, { path, atKey }: Flaw): number {
  let node = root as Node | null;
  let offset = node?.range?.[0] ?? 0;
  for (const [depth, key] of path.entries()) {
    const last = depth === path.length - 1;
    if (isMap(node)) {
      const pair = node.items.find(
        (item) => isPair(item) && String(isScalar(item.key) ? item.key.value : item.key) === String(key),
      );
      if (!pair) return offset;
      const keyNode = pair.key as Node;
      node = pair.value as Node | null;
      offset = (last && atKey ? keyNode.range?.[0] : (node?.range?.[0] ?? keyNode.range?.[0])) ?? offset;
    } else {
      node = ((node as { items?: unknown[] } | null)?.items?.[key as number] as Node | undefined) ?? null;
      offset = node?.range?.[0] ?? offset;
    }
  }
  return offset;
}

/** Cheap look before parsing: brackets and indentation nest the text deeper than `limit`. */
function deeperThan(text: string, limit: number): boolean {
  let brackets = 0;
  for (const character of text) {
    if (character === '[' || character === '{') brackets++;
    if (character === ']' || character === '}') brackets--;
    if (brackets > limit) return true;
  }
  return /^ *(- ){40}/m.test(text) || new RegExp(`^ {${limit * 8}}`, 'm').test(text);
}
