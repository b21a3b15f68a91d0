import type { Check } from './check.ts';
import { figuresOf } from './figures.ts';

/** Later than this, and the figures tell of the machine that ran the lab rather than of the system under test. */
const MAX_LAG_SECONDS = 1;
const MAX_STALL_SECONDS = 2;

export const labKeptUp: Check = {
  name: 'lab kept up',
  question: 'Did operations begin at their planned time, on a machine that was not saturated?',
  judge(history) {
    const { lagSeconds = 0, stallSeconds = 0 } = figuresOf(history).lab;
    const said = `operations began up to ${lagSeconds.toFixed(2)} s late (99th percentile); the lab was blocked for ${stallSeconds.toFixed(2)} s at most`;
    if (lagSeconds <= MAX_LAG_SECONDS && stallSeconds <= MAX_STALL_SECONDS)
      return { verdict: 'pass', reason: said, details: [] };
    return { verdict: 'inconclusive', reason: `the machine is saturated: ${said}`, details: [] };
  },
};
