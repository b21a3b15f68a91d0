import { type Check, noneWrong } from './check.ts';

export const operationsAccounted: Check = {
  name: 'operations accounted for',
  question: 'Was every step taken, with exactly one event for each of its operations?',
  judge({ facts, events }) {
    const ids = new Set(events.map(({ id }) => id));
    const wrong = facts.steps
      .filter(({ taken }) => !taken)
      .map(({ id, label }) => `step ${id} (${label}) was never taken`);
    if (ids.size !== events.length) wrong.push(`${events.length - ids.size} events are in the history twice`);
    if (ids.size !== facts.planned) wrong.push(`${facts.planned} operations were planned, the history has ${ids.size}`);
    return noneWrong(wrong, `${facts.planned} operations planned, done and recorded`);
  },
};
