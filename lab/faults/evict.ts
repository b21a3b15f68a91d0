import { PeerLabError } from '#proto/errors.ts';
import type { Instance, InstanceMachine } from '../drivers/driver.ts';
import type { Fault, Look } from './fault.ts';
import { probe } from './probe.ts';
import { lookUntil } from './surroundings.ts';

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
    when === 'during' ? lookUntil(() => look(instance, false), withinMs) : look(instance, true, withinMs),
};

async function look(instance: Instance, isWanted: boolean, withinMs = REFUSAL_MS): Promise<Look> {
  const answer = isWanted ? 'answers' : 'refuses';
  const [seen, isThere] = await Promise.all([probe(instance.url, withinMs), machineOf(instance).isThere()]);
  return {
    wanted: told(answer, isWanted),
    seen: told(seen, isThere),
    ok: seen === answer && isThere === isWanted,
  };
}

function told(port: string, isThere: boolean): string {
  return `the control port ${port}, its machine is ${isThere ? 'there' : 'gone'}`;
}

/** @throws PeerLabError `not-capable`: the plan was to be refused before it came to this */
export function machineOf({ name, machine }: Instance): InstanceMachine {
  if (!machine) throw new PeerLabError('not-capable', { about: name, expected: 'a machine that can be taken away' });
  return machine;
}
