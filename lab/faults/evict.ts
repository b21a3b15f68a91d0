import { PeerLabError } from '#proto/errors.ts';
import type { Instance, InstanceMachine } from '../drivers/driver.ts';
import type { Fault, Look } from './fault.ts';
import { probe, probeUntil } from './probe.ts';
import { lookUntil } from './surroundings.ts';

/** From the end of the program until its machine is gone. */
const GONE_WITHIN_MS = 20_000;
const REFUSAL_MS = 3000;

/** The machine is taken away from below the instance, and its share with it: nothing brings them back. */
export const evict: Fault<'evict'> = {
  hits: 'life',
  ends: true,
  takesShare: true,
  apply: (_, { instance }) => machineOf(instance).evict(),
  async lift(_, { instance }) {
    throw new PeerLabError('not-capable', { about: instance.name, got: 'what was evicted does not come back' });
  },
  look: (_, { instance }, when, withinMs) =>
    when === 'during'
      ? lookUntil(() => look(instance, false, REFUSAL_MS), GONE_WITHIN_MS)
      : look(instance, true, withinMs),
};

async function look(instance: Instance, isWanted: boolean, withinMs: number): Promise<Look> {
  const answer = isWanted ? 'answers' : 'refuses';
  const [seen, isThere] = await Promise.all([
    isWanted ? probe(instance.url, withinMs) : probeUntil(instance.url, answer, withinMs),
    machineOf(instance).isThere(),
  ]);
  const told = (answers: string, there: boolean) =>
    `the control port ${answers}, its machine is ${there ? 'there' : 'gone'}`;
  return {
    wanted: told(answer, isWanted),
    seen: told(seen, isThere),
    ok: seen === answer && isThere === isWanted,
  };
}

/** @throws PeerLabError `not-capable`: the plan was to be refused before it came to this */
function machineOf({ name, machine }: Instance): InstanceMachine {
  if (!machine) throw new PeerLabError('not-capable', { about: name, expected: 'a machine that can be taken away' });
  return machine;
}
