import { z } from 'zod';
import { duration, strict } from '../language/words.ts';
import { type StepKind, stepList } from './step.ts';

/** Rounds of a `repeat`, at most: planned ahead, so a slip must not fill the memory. */
const MAX_ROUNDS = 10_000;

export const repeat: StepKind<{ times?: number | undefined; for?: number | undefined; steps: unknown[] }> = {
  verb: 'repeat',
  summary: 'Runs steps again and again: a number of times, or for a time (the last round is finished).',
  example: 'repeat: {times: 3, steps: [{search: leechers}]}',
  schema: strict({
    times: z.number().int().min(1).max(MAX_ROUNDS).optional().meta({ description: 'Rounds.' }),
    for: duration.optional().meta({ description: 'After this time no new round begins.' }),
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
      next: (n) => {
        fork.startRound();
        return inside(steps, `round ${n + 1}`, fork);
      },
    };
  },
};
