import { duration, strict } from '../language/words.ts';
import type { StepKind } from './step.ts';

/** The longest pause: a scenario that sleeps for longer is a slip. */
const MAX_WAIT_MS = 24 * 3600 * 1000;

export const wait: StepKind<{ duration: number }> = {
  verb: 'wait',
  summary: 'Waits. The lab sends no requests during this time.',
  example: 'wait: 500ms',
  schema: strict({ duration: duration.refine((ms) => ms <= MAX_WAIT_MS, 'expected at most 24h') }),
  shorthand: 'duration',
  groups: () => ({}),
  plan: ({ duration }, { id }) => ({ does: 'wait', id, label: `wait ${duration / 1000} s`, ms: duration }),
};
