import { z } from 'zod';
import { DIRECTORY, type FaultKind, type FaultSpec, isDirectory } from '../history/events.ts';
import { duration } from '../language/words.ts';
import type { InstanceState } from '../language/world.ts';
import { type PlanContext, type StepKind, type Turn, type WhoSpec, whoShape } from './step.ts';

/** What the steps share that do something to instances, and undo it: to peers like every step, and to the directory by its name. */

const { take, arrival } = whoShape;
const group = z.string().min(1).meta({
  description: 'all, the name of a group, self within `each`, or directory (of several, directory-1 is one).',
});
const at = duration
  .optional()
  .meta({ description: 'The time after the step began at which the arrivals begin. Default: at once.' });
export const faultShape = { group, take, arrival, at };

export const oneDirectory = ({ group, take, arrival }: WhoSpec) =>
  !isDirectory(group) || (take === undefined && arrival === undefined);
export const ONE_DIRECTORY = 'there is one directory: `take` and `arrival` are for peers';

export interface FaultStepSpec extends WhoSpec {
  readonly at?: number | undefined;
  readonly for?: number | undefined;
}

/** The verbs of an instance's life differ in whom they can be done to, what these are after it, and what is done to them. */
interface LifeVerb {
  readonly verb: string;
  readonly summary: string;
  readonly example: string;
  readonly idle: string;
  readonly schema: z.ZodType<FaultStepSpec>;
  /** To whom it can be done. */
  readonly of: readonly InstanceState[];
  /** What they are when the step has ended. */
  after(spec: FaultStepSpec): InstanceState;
  readonly does:
    | { readonly does: 'fault'; readonly fault: FaultSpec }
    | { readonly does: 'heal'; readonly of: FaultKind[] };
}

/** A verb that ends an instance, brings it back, or makes it stand still. */
export function lifeStep({ of, after, does, ...kind }: LifeVerb): StepKind<FaultStepSpec> {
  return {
    ...kind,
    shorthand: 'group',
    groups: ({ group }) => (isDirectory(group) ? {} : { group }),
    plan: (spec, context) => {
      const who = targetsOf(spec, context, (name) => of.includes(context.world.state(name) ?? 'later'));
      for (const { peer } of who) {
        context.world.setState(peer, after(spec));
        // Another life begins undisturbed.
        if (['down', 'gone'].includes(after(spec))) context.world.setDisturbances(peer, new Set());
      }
      const common = { id: context.id, label: `${kind.verb} ${spec.group}`, who };
      return { ...does, ...common, ...(spec.for !== undefined && { forMs: spec.for }) };
    },
  };
}

/** To whom the step does it, each when its turn comes; the directory is one of them only by its name. */
export function targetsOf(spec: FaultStepSpec, { world, draw }: PlanContext, fits: (name: string) => boolean): Turn[] {
  const { at: startMs = 0 } = spec;
  if (isDirectory(spec.group)) {
    const meant = spec.group === DIRECTORY ? world.directories : [spec.group];
    return meant.filter(fits).map((peer) => ({ peer, atMs: startMs }));
  }
  const among = world.members(spec.group).filter(({ name }) => fits(name));
  return world.who(spec, draw, among).map(({ peer, atMs }) => ({ peer: peer.name, atMs: startMs + atMs }));
}

export const THERE: readonly InstanceState[] = ['there', 'frozen'];
