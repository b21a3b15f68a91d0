import { z } from 'zod';
import type { ControlVerb } from '#proto/control-api.ts';
import { PROMISES } from '#proto/promises.ts';
import type { Expectation } from '../checks/expectation.ts';
import type { Names } from '../checks/figure.ts';
import type { FaultKind, FaultSpec } from '../history/events.ts';
import { arrival } from '../language/arrival.ts';
import { duration, strict } from '../language/words.ts';
import type { PlannedPeer, Who, World } from '../language/world.ts';

/** One call of a peer's control port, decided by the plan. */
export interface PlannedOperation {
  readonly peer: string;
  readonly verb: ControlVerb;
  /** Body of the request; `to` may name a peer of the plan, whose address is filled in when it is known. */
  readonly request: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
}

/** What one peer does in a step: it begins `atMs` after the step, and then keeps at most `concurrency` under way. */
export interface Flow {
  readonly peer: string;
  readonly atMs: number;
  readonly operations: readonly PlannedOperation[];
}

/** A peer (or the directory, where a step says so) whose turn in a step comes `atMs` after it began. */
export interface Turn {
  readonly peer: string;
  readonly atMs: number;
}

interface Common {
  /** The step's place in the file, from 1: `3`, or `3.2` within a block. */
  readonly id: string;
  readonly label: string;
}

/** What a step will do. All of it is decided by the scenario, the seed and the number of peers. */
export type PlannedStep = Common &
  (
    | {
        readonly does: 'operations';
        readonly as?: string;
        readonly flows: readonly Flow[];
        readonly concurrency: number;
      }
    | { readonly does: 'wait'; readonly ms: number }
    | { readonly does: 'start'; readonly peers: readonly Turn[] }
    | { readonly does: 'fault'; readonly fault: FaultSpec; readonly who: readonly Turn[]; readonly forMs?: number }
    | { readonly does: 'heal'; readonly of: readonly FaultKind[]; readonly who: readonly Turn[] }
    | { readonly does: 'barrier'; readonly name: string; readonly peer: string; readonly deadlineMs: number }
    | { readonly does: 'expect'; readonly expectation: Expectation; readonly withinMs: number }
    | {
        readonly does: 'parallel';
        readonly branches: readonly (readonly PlannedStep[])[];
        readonly atMs: readonly number[];
      }
    | { readonly does: 'repeat'; readonly rounds: readonly (readonly PlannedStep[])[] }
    | {
        readonly does: 'repeat-for';
        readonly forMs: number;
        readonly maxRounds: number;
        readonly first: readonly PlannedStep[];
        /** Round `n` from 1, to be asked for in order: nobody knows beforehand how many there will be. */
        readonly next: (n: number) => readonly PlannedStep[];
      }
  );

/** The lists of steps within a step, of a `repeat` for a time its first round: the later ones are not laid out yet. */
export function listsInside(step: PlannedStep): readonly (readonly PlannedStep[])[] {
  if (step.does === 'parallel') return step.branches;
  if (step.does === 'repeat') return step.rounds;
  return step.does === 'repeat-for' ? [step.first] : [];
}

/** What a kind of step needs to be planned. */
export interface PlanContext {
  readonly world: World;
  /** The step's place in the file; and the label of its random draws, which differs by round and peer too. */
  readonly id: string;
  readonly draw: string;
  readonly names: Names;
  /** That the scenario sets, in milliseconds. */
  readonly deadlines: Readonly<Partial<Record<ControlVerb, number | undefined>>>;
  /** Plans the steps inside a block; `suffix` tells apart the draws of rounds and peers; `fork` is another world to plan on. */
  inside(steps: readonly Step[], suffix: string, fork?: World): PlannedStep[];
}

/**
 * A word of the language that does something: one file here, one line in table.ts, one section in docs/scenarios.md. `S`
 * is what its schema gives. Everything is pure: acting is the run's business.
 */
export interface StepKind<S = unknown> {
  readonly verb: string;
  readonly summary: string;
  /** YAML of one step; docs show it, and a test reads it. */
  readonly example: string;
  readonly schema: z.ZodType<S>;
  /** `login: all` is short for `login: {<shorthand>: all}`. */
  readonly shorthand?: string;
  /** The operations that it records: figures can be of them. Without: none. */
  readonly records?: readonly string[];
  /** The groups that the step names, by the key that names them; each is checked to exist. */
  groups(spec: S): Record<string, string>;
  /** Steps within this one, by the path below it that leads to each. */
  inner?(spec: S): { path: PropertyKey[]; steps: unknown[] }[];
  plan(spec: S, context: PlanContext, inner: readonly (readonly Step[])[]): PlannedStep;
  /** What to say when nobody has anything to do: such a step is a mistake, not a pass. Undefined when that can't be. */
  readonly idle?: string;
}

/** A step of a scenario, read and checked. */
export interface Step {
  readonly kind: StepKind;
  readonly spec: unknown;
  readonly path: readonly PropertyKey[];
  /** Its place in the file, from 1: `3`, or `3.2` within a block. */
  readonly id: string;
  /** Lists of the steps inside, as `kind.inner` names them. */
  readonly inner: readonly (readonly Step[])[];
}

/** The description by which lists of steps inside a step are known, in the JSON Schema. */
export const STEP_LIST = 'Steps, one after another.';

export const stepList = z.array(z.unknown()).min(1, 'expected at least one step').meta({ description: STEP_LIST });

export const group = z.string().min(1).meta({ description: 'all, the name of a group, or self within `each`.' });

const take = z
  .union([z.number().int().min(1), z.string()], { error: 'expected a number of peers, or a share of them such as 50%' })
  .transform((value, context) => {
    if (typeof value === 'number') return value;
    const percent = /^(\d+(?:\.\d+)?)%$/.exec(value)?.[1];
    if (percent !== undefined && Number(percent) > 0 && Number(percent) <= 100)
      return { fraction: Number(percent) / 100 };
    context.addIssue({
      code: 'custom',
      message: `expected a number of peers, or a share of them such as 50%, got "${value}"`,
    });
    return z.NEVER;
  })
  .meta({ description: 'Only this number of peers, or this part of them, picked by the seed.', examples: [3, '50%'] });

const as = z
  .string()
  .regex(/^[a-z][a-zA-Z0-9]*$/, 'expected a name of letters and digits')
  .meta({ description: 'A name for the figures of this step: steps.<name>.… in expectations.' });

/** The keys that every step of peers has. */
export const whoShape = {
  group,
  take: take.optional(),
  arrival: arrival.optional(),
  timeout: duration.optional().meta({ description: 'An operation without an answer after this time has failed.' }),
  as: as.optional(),
};
export interface WhoSpec extends Who {
  readonly timeout?: number | undefined;
  readonly as?: string | undefined;
}

export const concurrency = z
  .number()
  .int()
  .min(1)
  .max(1000)
  .default(4)
  .meta({ description: 'Operations under way at the same time, for each peer.' });

/** Time for an answer: what the step says, or else the scenario, or else the peer contract. */
export function timeoutOf({ timeout }: WhoSpec, verb: ControlVerb, { deadlines }: PlanContext): number {
  return timeout ?? deadlines[verb] ?? PROMISES[verb].ms;
}

/**
 * A step in which each peer of `spec` does the requests that `requestsOf` gives it.
 * @param looks at a file, for each peer: counted for all of them before the first one chooses
 */
export function planFlows(
  verb: ControlVerb,
  spec: WhoSpec & { concurrency?: number },
  context: PlanContext,
  label: string,
  requestsOf: (peer: PlannedPeer) => Record<string, string>[],
  looks = 0,
): PlannedStep {
  const { world, id, draw } = context;
  const timeoutMs = timeoutOf(spec, verb, context);
  const who = world.who(spec, draw);
  world.countLooks(looks * who.length);
  const flows = who.map(({ peer, atMs }, n) => {
    const requests = requestsOf(peer);
    world.countOperations(requests.length, requests.length * (who.length - n));
    return {
      peer: peer.name,
      atMs,
      operations: requests.map((request) => ({ peer: peer.name, verb, request, timeoutMs })),
    };
  });
  return {
    does: 'operations',
    id,
    label,
    flows: flows.filter(({ operations }) => operations.length > 0),
    concurrency: spec.concurrency ?? 1,
    ...(spec.as && { as: spec.as }),
  };
}

/** A verb that each peer of a group does once, without arguments. */
export function oncePerPeer(verb: ControlVerb, summary: string): StepKind<WhoSpec> {
  return {
    verb,
    summary,
    example: `${verb}: all`,
    records: [verb],
    schema: strict(whoShape),
    shorthand: 'group',
    groups: ({ group }) => ({ group }),
    idle: 'no peer of the group is there',
    plan: (spec, context) => planFlows(verb, spec, context, `${verb} ${spec.group}`, () => [{}]),
  };
}
