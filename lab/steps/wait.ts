import { duration, strict } from '../language/words.ts';
import type { StepKind } from './step.ts';

export const wait: StepKind<{ duration: number }> = {
  verb: 'wait',
  summary: 'Waits. The lab sends no requests during this time.',
  example: 'wait: 500ms',
  schema: strict({ duration: duration }),
  shorthand: 'duration',
  groups: () => ({}),
  plan: ({ duration }, { id }) => ({ does: 'wait', id, label: `wait ${duration / 1000} s`, ms: duration }),
};
