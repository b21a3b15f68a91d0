import { z } from 'zod';
import { duration, strict } from '../language/words.ts';
import { type PlannedStep, STEP_LIST, type StepKind, type WhoSpec, whoShape } from './step.ts';

/** Steps that contain steps. */

const stepList = z.array(z.unknown()).min(1, 'expected at least one step').meta({ description: STEP_LIST });

/** Rounds of a `repeat`, at most: planned ahead, so a slip must not fill the memory. */
const MAX_ROUNDS = 10_000;

export const parallel: StepKind<{ branches: unknown[][] }> = {
  verb: 'parallel',
  summary: 'Branches that go on at the same time; the step ends when all have ended.',
  example: 'parallel: {branches: [[{search: leechers}], [{wait: 1s}, {index: seeders}]]}',
  schema: strict({
    branches: z.array(stepList).min(2, 'expected at least two branches').meta({ description: 'Lists of steps.' }),
  }),
  groups: () => ({}),
  inner: ({ branches }) => branches.map((steps, i) => ({ path: ['branches', i], steps })),
  plan: (_, { id, inside }, inner) => ({
    does: 'parallel',
    id,
    label: `${inner.length} branches in parallel`,
    branches: inner.map((steps, i) => inside(steps, `${i + 1}`)),
    atMs: inner.map(() => 0),
  }),
};

export const repeat: StepKind<{ times?: number | undefined; for?: number | undefined; steps: unknown[] }> = {
  verb: 'repeat',
  summary: 'Steps again and again: so many times, or for a time (a round under way is finished).',
  example: 'repeat: {times: 3, steps: [{search: leechers}]}',
  schema: strict({
    times: z.number().int().min(1).max(MAX_ROUNDS).optional().meta({ description: 'Rounds.' }),
    for: duration.optional().meta({ description: 'No round begins after so long.' }),
    steps: stepList,
  }).refine((spec) => (spec.times === undefined) !== (spec.for === undefined), 'expected one of `times` and `for`'),
  groups: () => ({}),
  inner: ({ steps }) => [{ path: ['steps'], steps }],
  plan: (spec, { id, inside, world }, [steps = []]) => {
    const round = (n: number) => inside(steps, `round ${n + 1}`);
    if (spec.for === undefined) {
      const times = spec.times ?? 1;
      return {
        does: 'repeat',
        id,
        label: `repeat ${times} times`,
        rounds: Array.from({ length: times }, (_, n) => round(n)),
      };
    }
    const first = round(0);
    // Later rounds are laid out while the run goes on, on a world in which the steps after this one have not happened.
    const fork = world.fork();
    return {
      does: 'repeat-for',
      id,
      label: `repeat for ${spec.for / 1000} s`,
      forMs: spec.for,
      maxRounds: MAX_ROUNDS,
      first,
      next: (n) => inside(steps, `round ${n + 1}`, fork),
    };
  },
};

export const each: StepKind<WhoSpec & { steps: unknown[] }> = {
  verb: 'each',
  summary: 'Each peer takes the steps at its own pace, without waiting for the others; within, the peer is `self`.',
  example: 'each: {group: leechers, arrival: {poisson: 5/s}, steps: [{login: self}, {download: self}]}',
  schema: strict({ group: whoShape.group, take: whoShape.take, arrival: whoShape.arrival, steps: stepList }),
  groups: ({ group }) => ({ group }),
  inner: ({ steps }) => [{ path: ['steps'], steps }],
  idle: 'no peer of the group is there',
  plan: (spec, { world, id, draw, inside }, [steps = []]) => {
    const who = world.who(spec, draw);
    const branches: PlannedStep[][] = who.map(({ peer }) => world.asSelf(peer, () => inside(steps, peer.name)));
    return { does: 'parallel', id, label: `each of ${spec.group}`, branches, atMs: who.map(({ atMs }) => atMs) };
  },
};
