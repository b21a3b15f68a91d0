import { z } from 'zod';
import { DIRECTORY, type FaultKind } from '../history/events.ts';
import { duration, strict } from '../scenario/words.ts';
import type { Presence } from '../scenario/world.ts';
import { type PlanContext, type StepKind, type Turn, type WhoSpec, whoShape } from './step.ts';

/** Steps that do something to instances, and undo it: to peers like every step, and to the directory by its name. */

const { take, arrival } = whoShape;
const group = z.string().min(1).meta({ description: 'all, the name of a group, self within `each`, or directory.' });
const shape = { group, take, arrival };

const oneDirectory = ({ group, take, arrival }: WhoSpec) =>
  group !== DIRECTORY || (take === undefined && arrival === undefined);
const ONE_DIRECTORY = 'there is one directory: `take` and `arrival` are for peers';

/** The proof that an instance stands still takes half a second, at the beginning and at the end. */
const MIN_FREEZE_MS = 1000;

interface Spec extends WhoSpec {
  readonly for?: number | undefined;
}

/** The verbs differ in whom they can befall, what these are after it, and what is done to them. */
interface FaultVerb {
  readonly verb: string;
  readonly summary: string;
  readonly example: string;
  readonly idle: string;
  readonly schema: z.ZodType<Spec>;
  /** Whom it can befall. */
  readonly of: readonly Presence[];
  /** What they are when the step has ended. */
  after(spec: Spec): Presence;
  readonly does:
    | { readonly does: 'fault'; readonly fault: FaultKind }
    | { readonly does: 'heal'; readonly of: FaultKind[] };
}

function faultStep({ of, after, does, ...kind }: FaultVerb): StepKind<Spec> {
  return {
    ...kind,
    shorthand: 'group',
    groups: ({ group }) => (group === DIRECTORY ? {} : { group }),
    plan: (spec, context) => {
      const who = befallen(spec, context, of);
      for (const { peer } of who) context.world.setPresence(peer, after(spec));
      const common = { id: context.id, label: `${kind.verb} ${spec.group}`, who };
      return { ...does, ...common, ...(spec.for !== undefined && { forMs: spec.for }) };
    },
  };
}

function befallen(spec: Spec, { world, draw }: PlanContext, of: readonly Presence[]): Turn[] {
  const fits = (name: string) => of.includes(world.presence(name) ?? 'later');
  if (spec.group === DIRECTORY) return fits(DIRECTORY) ? [{ peer: DIRECTORY, atMs: 0 }] : [];
  const among = world.members(spec.group).filter(({ name }) => fits(name));
  return world.who(spec, draw, among).map(({ peer, atMs }) => ({ peer: peer.name, atMs }));
}

const THERE: readonly Presence[] = ['there', 'frozen'];

export const stop = faultStep({
  verb: 'stop',
  summary: 'Peers, or the `directory`, end in order, as on SIGTERM; peers leave the index. `restart` brings them back.',
  example: 'stop: {group: seeders, take: 1}',
  idle: 'none of them is there',
  schema: strict(shape).refine(oneDirectory, ONE_DIRECTORY),
  of: THERE,
  after: () => 'down',
  does: { does: 'fault', fault: 'stop' },
});

export const kill = faultStep({
  verb: 'kill',
  summary: 'Peers, or the `directory`, end at once, as on SIGKILL, and tell nobody. `restart` brings them back.',
  example: 'kill: {group: seeders, take: 1}',
  idle: 'none of them is there',
  schema: strict(shape).refine(oneDirectory, ONE_DIRECTORY),
  of: THERE,
  after: () => 'down',
  does: { does: 'fault', fault: 'kill' },
});

export const restart = faultStep({
  verb: 'restart',
  summary:
    'Peers, or the `directory`, come back after they were killed or stopped, with the same name, address and share; peers log in only when a step says so.',
  example: 'kill: directory\n- restart: directory',
  idle: 'none of them was killed or stopped',
  schema: strict(shape).refine(oneDirectory, ONE_DIRECTORY),
  of: ['down'],
  after: () => 'there',
  does: { does: 'heal', of: ['kill', 'stop'] },
});

export const freeze = faultStep({
  verb: 'freeze',
  summary:
    'Peers, or the `directory`, stand still, as on SIGSTOP: their connections stay, and nothing answers. With `for` they go on after so long, and the step ends then; otherwise on `thaw`.',
  example: 'freeze: {group: seeders, take: 1, for: 3s}',
  idle: 'none of them is there and runs',
  schema: strict({
    ...shape,
    for: duration
      .refine((ms) => ms >= MIN_FREEZE_MS, 'expected at least 1s: what is shorter can not be proved')
      .optional()
      .meta({ description: 'They stand still for so long.' }),
  }).refine(oneDirectory, ONE_DIRECTORY),
  of: ['there'],
  after: ({ for: forMs }) => (forMs === undefined ? 'frozen' : 'there'),
  does: { does: 'fault', fault: 'freeze' },
});

export const thaw = faultStep({
  verb: 'thaw',
  summary: 'Those that are frozen go on.',
  example: 'freeze: seeders\n- thaw: seeders',
  idle: 'none of them is frozen',
  schema: strict(shape).refine(oneDirectory, ONE_DIRECTORY),
  of: ['frozen'],
  after: () => 'there',
  does: { does: 'heal', of: ['freeze'] },
});
