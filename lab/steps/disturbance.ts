import type { z } from 'zod';
import { type FaultSpec, isDirectory } from '../history/events.ts';
import { duration } from '../language/words.ts';
import { type FaultStepSpec, THERE, targetsOf } from './fault-step.ts';
import type { PlanContext, StepKind } from './step.ts';

/** A look at the network takes up to two seconds, and there is one at the beginning and one at the end. */
export const MIN_NETWORK_FAULT_MS = 5000;

export const lasts = (minMs: number) =>
  duration
    .refine((ms) => ms >= minMs, `expected at least ${minMs / 1000}s: what is shorter can not be proved`)
    .optional()
    .meta({
      description: 'After this time the fault is undone and the step ends. Without it, `heal` undoes the fault.',
    });

/** Verbs that disturb what lies around an instance: several of them can be in force on one. */
interface DisturbanceVerb<S extends FaultStepSpec> {
  readonly verb: string;
  readonly summary: string;
  readonly example: string;
  readonly idle: string;
  readonly schema: z.ZodType<S>;
  groups?(spec: S): Record<string, string>;
  fits?(name: string, context: PlanContext): boolean;
  fault(spec: S): FaultSpec;
}

export function disturbance<S extends FaultStepSpec>({
  fault,
  fits,
  groups,
  ...kind
}: DisturbanceVerb<S>): StepKind<S> {
  return {
    ...kind,
    shorthand: 'group',
    groups: (spec) => ({ ...(!isDirectory(spec.group) && { group: spec.group }), ...groups?.(spec) }),
    plan: (spec, context) => {
      const { world, id } = context;
      const isMeant = (name: string) => THERE.includes(world.state(name) ?? 'later') && (fits?.(name, context) ?? true);
      const who = targetsOf(spec, context, isMeant);
      const does = fault(spec);
      for (const { peer } of who) {
        // With `for` it is over when the step is.
        if (spec.for === undefined) world.setDisturbances(peer, new Set([...world.disturbances(peer), does.kind]));
      }
      const forMs = spec.for === undefined ? {} : { forMs: spec.for };
      return { does: 'fault', fault: does, id, label: `${kind.verb} ${spec.group}`, who, ...forMs };
    },
  };
}
