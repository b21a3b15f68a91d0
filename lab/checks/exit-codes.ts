import type { RunFacts } from '../history/events.ts';
import type { Check } from './check.ts';
import { type BadEnd, judgeEnds } from './ends.ts';

/** Whom the lab killed, because it did not end in time, is for `ended in order` to tell. */
export const exitCodes: Check = {
  name: 'exit codes',
  question: 'Did every instance that ended when it was asked to do so with exit code 0?',
  judge: ({ facts }) => judgeEnds(badEnds(facts), 'every instance that ended when it was asked to had exit code 0'),
};

/** A host ends once, with all of its peers. */
function badEnds({ badEnds = [], peers }: RunFacts): BadEnd[] {
  const hostOf = new Map(peers.map(({ name, host }) => [name, host]));
  const ends = new Map<string, BadEnd>();
  for (const { instance, how, cpuPressure } of badEnds) {
    const host = hostOf.get(instance);
    const told = `${instance} was asked to end: ${how}; see logs/${host ?? instance}.log`;
    ends.set(host ?? told, { cpuPressure, told });
  }
  return [...ends.values()];
}
