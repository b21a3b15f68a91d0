import { z } from 'zod';
import type { ControlVerb } from '#proto/control-api.ts';
import type { Flaw } from '../scenario/mistake.ts';
import { duration, strict } from '../scenario/words.ts';
import type { World } from '../scenario/world.ts';

/** One call of a peer's control port, decided by the plan. */
export interface PlannedOperation {
  readonly peer: string;
  readonly verb: ControlVerb;
  /** Body of the request; `to` may name a peer of the plan, whose address is filled in when it is known. */
  readonly request: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
}

/** What a step will do: operations, each peer's in order with at most `concurrency` at a time, or a pause. */
export interface PlannedStep {
  readonly label: string;
  readonly operations: readonly PlannedOperation[];
  readonly concurrency: number;
  readonly waitMs?: number;
}

/**
 * A word of the language that does something: one file here, one line in table.ts, one page in docs/scenarios.md. `S` is
 * what its schema gives. Everything is pure: acting is the run's business.
 */
export interface StepKind<S = unknown> {
  readonly verb: string;
  readonly summary: string;
  readonly schema: z.ZodType<S>;
  /** `login: all` is short for `login: {<shorthand>: all}`. */
  readonly shorthand: string;
  /** The groups that the step names, by the key that names them; each is checked to exist. */
  groups(spec: S): Record<string, string>;
  /** `label` is the step's place in the file: the seed of its picks. */
  plan(spec: S, world: World, label: string): PlannedStep;
  /** What to say when nobody has anything to do: such a step is a mistake, not a pass. */
  readonly idle: string;
}

/** A step of a scenario, read and checked. */
export interface Step {
  readonly kind: StepKind;
  readonly spec: unknown;
}

export const who = z.string().min(1).meta({ description: 'all, or the name of a group.' });
export const concurrency = z
  .number()
  .int()
  .min(1)
  .max(1000)
  .meta({ description: 'Operations under way at one time, for each peer.' });
export const timeout = duration.meta({ description: 'An operation without an answer after so long has failed.' });

/** Time for an answer unless the step says otherwise: of a control call, and of a transfer. */
export const CONTROL_TIMEOUT_MS = 60_000;
export const TRANSFER_TIMEOUT_MS = 300_000;

/** A verb that each peer of a group does once, without arguments. */
export function oncePerPeer(
  verb: ControlVerb,
  summary: string,
): StepKind<{ group: string; timeout?: number | undefined }> {
  return {
    verb,
    summary,
    schema: strict({ group: who, timeout: timeout.optional() }),
    shorthand: 'group',
    groups: ({ group }) => ({ group }),
    idle: 'the group has no peers',
    plan: ({ group, timeout = CONTROL_TIMEOUT_MS }, world) => ({
      label: `${verb} ${group}`,
      operations: world.group(group).map((peer) => ({ peer: peer.name, verb, request: {}, timeoutMs: timeout })),
      concurrency: 1,
    }),
  };
}

/** Flaws of the groups that a step names. */
export function groupFlaws(step: Step, knownGroups: readonly string[], suggest: (word: string) => string): Flaw[] {
  return Object.entries(step.kind.groups(step.spec))
    .filter(([, name]) => name !== 'all' && !knownGroups.includes(name))
    .map(([key, name]) => ({ path: [step.kind.verb, key], message: `unknown group "${name}".${suggest(name)}` }));
}
