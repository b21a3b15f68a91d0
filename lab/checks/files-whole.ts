import type { Check } from './check.ts';

const MAX_DETAILS = 20;

export const filesWhole: Check = {
  name: 'files whole',
  question: 'Are the files of the run as they were when it ended?',
  decides: true,
  look: 'run.json (files)',
  judge({ damage = [], facts }) {
    const [first] = damage;
    if (first === undefined) {
      const count = Object.keys(facts.files ?? {}).length;
      return { verdict: 'pass', reason: `${count} files as they were when the run ended`, details: [] };
    }
    return { verdict: 'inconclusive', reason: first, details: damage.slice(0, MAX_DETAILS) };
  },
};
