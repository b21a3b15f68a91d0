import { z } from 'zod';
import { parseExpectation } from '../checks/expectation.ts';
import { duration, strict } from '../language/words.ts';
import type { StepKind } from './step.ts';

export const expectStep: StepKind<{ that: string; within: number }> = {
  verb: 'expect',
  summary:
    'Compares a figure with a limit at this point of the run. With `within`, the comparison has this time to become true.',
  example: 'expect: {that: metrics.peerlab_directory_peers_online == 4, within: 5s}',
  schema: strict({
    that: z.string().meta({ description: 'An expectation on a figure that is known during the run.' }),
    within: duration.default(0),
  }),
  shorthand: 'that',
  groups: () => ({}),
  plan: ({ that, within }, { id, names }) => {
    // The reader has checked it; here it is only read again.
    const parsed = parseExpectation(that, names);
    if ('flaw' in parsed) throw new Error(parsed.flaw);
    return { does: 'expect', id, label: `expect ${that}`, expectation: parsed.expectation, withinMs: within };
  },
};
