import { z } from 'zod';
import { LIES } from '../doubles/names.ts';
import { ALL, DIRECTORY, type FaultKind, type FaultSpec } from '../history/events.ts';
import { byteRate, duration, strict } from '../language/words.ts';
import type { Presence } from '../language/world.ts';
import { type PlanContext, type StepKind, type Turn, type WhoSpec, whoShape } from './step.ts';

/** Steps that do something to instances, and undo it: to peers like every step, and to the directory by its name. */

const { take, arrival } = whoShape;
const group = z.string().min(1).meta({ description: 'all, the name of a group, self within `each`, or directory.' });
const at = duration
  .optional()
  .meta({ description: 'So long after the step began; then the arrivals begin. Default: at once.' });
const shape = { group, take, arrival, at };

const oneDirectory = ({ group, take, arrival }: WhoSpec) =>
  group !== DIRECTORY || (take === undefined && arrival === undefined);
const ONE_DIRECTORY = 'there is one directory: `take` and `arrival` are for peers';

/** The proof that an instance stands still takes half a second, at the beginning and at the end. */
const MIN_FREEZE_MS = 1000;

interface Spec extends WhoSpec {
  readonly at?: number | undefined;
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
    | { readonly does: 'fault'; readonly fault: FaultSpec }
    | { readonly does: 'heal'; readonly of: FaultKind[] };
}

function faultStep({ of, after, does, ...kind }: FaultVerb): StepKind<Spec> {
  return {
    ...kind,
    shorthand: 'group',
    groups: ({ group }) => (group === DIRECTORY ? {} : { group }),
    plan: (spec, context) => {
      const who = befallen(spec, context, (name) => of.includes(context.world.presence(name) ?? 'later'));
      for (const { peer } of who) {
        context.world.setPresence(peer, after(spec));
        // Another life begins undisturbed.
        if (after(spec) === 'down') context.world.setDisturbances(peer, new Set());
      }
      const common = { id: context.id, label: `${kind.verb} ${spec.group}`, who };
      return { ...does, ...common, ...(spec.for !== undefined && { forMs: spec.for }) };
    },
  };
}

function befallen(spec: Spec, { world, draw }: PlanContext, fits: (name: string) => boolean): Turn[] {
  const { at: startMs = 0 } = spec;
  if (spec.group === DIRECTORY) return fits(DIRECTORY) ? [{ peer: DIRECTORY, atMs: startMs }] : [];
  const among = world.members(spec.group).filter(({ name }) => fits(name));
  return world.who(spec, draw, among).map(({ peer, atMs }) => ({ peer: peer.name, atMs: startMs + atMs }));
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
  does: { does: 'fault', fault: { kind: 'stop' } },
});

export const kill = faultStep({
  verb: 'kill',
  summary: 'Peers, or the `directory`, end at once, as on SIGKILL, and tell nobody. `restart` brings them back.',
  example: 'kill: {group: seeders, take: 1}',
  idle: 'none of them is there',
  schema: strict(shape).refine(oneDirectory, ONE_DIRECTORY),
  of: THERE,
  after: () => 'down',
  does: { does: 'fault', fault: { kind: 'kill' } },
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
  does: { does: 'fault', fault: { kind: 'freeze' } },
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

/** A look at the network takes up to two seconds, and there is one at the beginning and one at the end. */
const MIN_NETWORK_FAULT_MS = 5000;
const MIN_FILL_MS = 2000;
/** Below, less than a chance would be left over to tell it from none, or from all. */
const MIN_LOSS_PERCENT = 1;
const MAX_LOSS_PERCENT = 90;
/** Packets leave in pieces of 64 KiB: at less than this, one of them takes most of a second. */
const MIN_BYTES_PER_SECOND = 100_000;
const MAX_DELAY_MS = 10_000;

const lasts = (minMs: number) =>
  duration
    .refine((ms) => ms >= minMs, `expected at least ${minMs / 1000}s: what is shorter can not be proved`)
    .optional()
    .meta({ description: 'It is undone after so long, and the step ends then; otherwise `heal` undoes it.' });

/** Verbs that disturb what lies around an instance: several of them can be in force on one. */
interface Disturbance<S extends Spec> {
  readonly verb: string;
  readonly summary: string;
  readonly example: string;
  readonly idle: string;
  readonly schema: z.ZodType<S>;
  groups?(spec: S): Record<string, string>;
  fits?(name: string, context: PlanContext): boolean;
  fault(spec: S): FaultSpec;
}

function disturbance<S extends Spec>({ fault, fits, groups, ...kind }: Disturbance<S>): StepKind<S> {
  return {
    ...kind,
    shorthand: 'group',
    groups: (spec) => ({ ...(spec.group !== DIRECTORY && { group: spec.group }), ...groups?.(spec) }),
    plan: (spec, context) => {
      const { world, id } = context;
      const isMeant = (name: string) =>
        THERE.includes(world.presence(name) ?? 'later') && (fits?.(name, context) ?? true);
      const who = befallen(spec, context, isMeant);
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

export const cut = disturbance({
  verb: 'cut',
  summary:
    'Nothing passes between peers, or the `directory`, and those they are cut off from, either way; connections stay open. The lab reaches them all the same. `heal` undoes it, or `for`.',
  example: 'cut: {group: seeders, from: directory, for: 10s}',
  idle: 'none of them is there',
  schema: strict({
    ...shape,
    from: z
      .string()
      .min(1)
      .default(ALL)
      .meta({ description: 'all (everybody, the default), directory, or the name of a group.' }),
    for: lasts(MIN_NETWORK_FAULT_MS),
  })
    .refine(oneDirectory, ONE_DIRECTORY)
    .refine(
      ({ group, from }) => group !== DIRECTORY || from !== DIRECTORY,
      'the directory can not be cut off from itself',
    ),
  groups: ({ from }) => (from === DIRECTORY ? {} : { from }),
  fault: ({ from }) => ({ kind: 'cut', from }),
});

export const lose = disturbance({
  verb: 'lose',
  summary: 'So many percent of the packets from and to peers, or the `directory`, are lost, each by chance.',
  example: 'lose: {group: leechers, percent: 5}',
  idle: 'none of them is there',
  schema: strict({
    ...shape,
    percent: z
      .number()
      .min(MIN_LOSS_PERCENT)
      .max(MAX_LOSS_PERCENT)
      .meta({ description: 'Of the packets, in each direction.' }),
    for: lasts(MIN_NETWORK_FAULT_MS),
  }).refine(oneDirectory, ONE_DIRECTORY),
  fault: ({ percent }) => ({ kind: 'lose', percent }),
});

const limitRate = byteRate.refine(
  (bytesPerSecond) => bytesPerSecond >= MIN_BYTES_PER_SECOND,
  `expected at least ${MIN_BYTES_PER_SECOND / 1000}kB/s: what is slower can not be measured in a moment`,
);

export const limit = disturbance({
  verb: 'limit',
  summary:
    'Peers, or the `directory`, send (`up`) and receive (`down`) at most so many content bytes a second, each in sum over all its connections.',
  example: 'limit: {group: seeders, up: 4MB/s}',
  idle: 'none of them is there',
  schema: strict({
    ...shape,
    up: limitRate.optional(),
    down: limitRate.optional(),
    for: lasts(MIN_NETWORK_FAULT_MS),
  })
    .refine(oneDirectory, ONE_DIRECTORY)
    .refine(
      ({ up, down }) => up !== undefined || down !== undefined,
      'expected `up`, `down` or both, such as up: 4MB/s',
    ),
  fault: ({ up, down }) => ({
    kind: 'limit',
    ...(up !== undefined && { upBytesPerSecond: up }),
    ...(down !== undefined && { downBytesPerSecond: down }),
  }),
});

export const delay = disturbance({
  verb: 'delay',
  summary:
    'What peers, or the `directory`, send is late by so much, give or take the jitter. Needs a kernel with netem.',
  example: 'delay: {group: leechers, by: 80ms, jitter: 10ms}',
  idle: 'none of them is there',
  schema: strict({
    ...shape,
    by: duration
      .refine((ms) => ms >= 1 && ms <= MAX_DELAY_MS, `expected from 1ms to ${MAX_DELAY_MS / 1000}s`)
      .meta({ description: 'How much later each packet leaves.' }),
    jitter: duration.optional().meta({ description: 'The standard deviation of it. Default: none.' }),
    for: lasts(MIN_NETWORK_FAULT_MS),
  })
    .refine(oneDirectory, ONE_DIRECTORY)
    .refine(({ by, jitter = 0 }) => jitter <= by, 'expected a `jitter` of at most `by`'),
  fault: ({ by, jitter = 0 }) => ({ kind: 'delay', byMs: by, jitterMs: jitter }),
});

export const fill = disturbance({
  verb: 'fill',
  summary:
    "The disk of the peers' shares is full, and stays so whatever they remove from it. Only where it has a size: `limits: {disk: …}` of the group.",
  example: 'fill: {group: leechers, take: 1, for: 5s}',
  idle: 'none of them is there and has a disk with a size (`limits: {disk: 64MB}` of the group)',
  schema: strict({ ...shape, for: lasts(MIN_FILL_MS) }).refine(oneDirectory, ONE_DIRECTORY),
  fits: (name, { world }) => world.peers.some((peer) => peer.name === name && peer.diskBytes !== undefined),
  fault: () => ({ kind: 'fill' }),
});

export const lie = disturbance({
  verb: 'lie',
  summary: 'Byzantine peers (`double: byzantine-peer` of the group) send something else than they announce.',
  example: 'lie: {group: liars, how: wrong-bytes, for: 5s}',
  idle: 'none of them is there and is a byzantine-peer (`double` of the group)',
  schema: strict({
    ...shape,
    how: z
      .enum(LIES)
      .exclude(['none'])
      .default('wrong-bytes')
      .meta({ description: 'What they send; docs/faults.md has the list. Default: wrong-bytes.' }),
    for: lasts(MIN_FILL_MS),
  }).refine(oneDirectory, ONE_DIRECTORY),
  fits: (name, { world }) => world.peers.some((peer) => peer.name === name && peer.double === 'byzantine-peer'),
  fault: ({ how }) => ({ kind: 'lie', how }),
});

const HEALED = ['cut', 'lose', 'limit', 'delay', 'fill', 'lie'] as const satisfies FaultKind[];

interface HealSpec extends Spec {
  readonly of: readonly FaultKind[];
}

export const heal: StepKind<HealSpec> = {
  verb: 'heal',
  summary:
    'Undoes `cut`, `lose`, `limit`, `delay`, `fill` and `lie`, those named or all, of those in whom they are in force.',
  example: 'cut: seeders\n- heal: seeders',
  shorthand: 'group',
  idle: 'nothing that it could undo is in force on any of them',
  schema: strict({
    ...shape,
    of: z
      .union([z.enum(HEALED).transform((kind) => [kind]), z.array(z.enum(HEALED)).min(1)])
      .default([...HEALED])
      .meta({ description: 'Which of them: cut, lose, limit, delay, fill, lie, or a list. Default: all.' }),
  }).refine(oneDirectory, ONE_DIRECTORY),
  groups: ({ group }) => (group === DIRECTORY ? {} : { group }),
  plan: (spec, context) => {
    const { world, id } = context;
    const who = befallen(spec, context, (name) => spec.of.some((kind) => world.disturbances(name).has(kind)));
    for (const { peer } of who) {
      world.setDisturbances(peer, world.disturbances(peer).difference(new Set(spec.of)));
    }
    return { does: 'heal', of: spec.of, id, label: `heal ${spec.group}`, who };
  },
};
