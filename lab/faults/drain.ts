import { PeerLabError } from '#proto/errors.ts';
import type { Instance, InstanceNode } from '../drivers/driver.ts';
import { machineOf } from './evict.ts';
import type { Fault, Look } from './fault.ts';
import { probe } from './probe.ts';
import { lookUntil } from './surroundings.ts';

const REFUSAL_MS = 3000;

/** The node below the instance goes out of service, and all that the run has on it goes; later the node comes back, and they do not. */
export const drain: Fault<'drain'> = {
  hits: 'life',
  ends: true,
  takesShare: true,
  apply: (_, { instance }) => nodeOf(instance).drain(),
  async lift(_, { instance }) {
    await nodeOf(instance).giveBack();
    return instance;
  },
  look: (_, { instance }, when, withinMs) =>
    when === 'before'
      ? look(instance, { isThere: true, inService: true }, withinMs)
      : lookUntil(() => look(instance, { isThere: false, inService: when === 'after' }), withinMs),
};

interface Wanted {
  readonly isThere: boolean;
  readonly inService: boolean;
}

async function look(instance: Instance, wanted: Wanted, withinMs = REFUSAL_MS): Promise<Look> {
  const answer = wanted.isThere ? 'answers' : 'refuses';
  const [port, isThere, inService] = await Promise.all([
    probe(instance.url, withinMs),
    machineOf(instance).isThere(),
    nodeOf(instance).isInService(),
  ]);
  const ok = port === answer && isThere === wanted.isThere && inService === wanted.inService;
  return { wanted: told(answer, wanted), seen: told(port, { isThere, inService }), ok };
}

function told(port: string, { isThere, inService }: Wanted): string {
  const [machine, node] = [isThere ? 'there' : 'gone', inService ? 'in service' : 'out of service'];
  return `the control port ${port}, its machine is ${machine}, the node is ${node}`;
}

/** @throws PeerLabError `not-capable`: the plan was to be refused before it came to this */
function nodeOf(instance: Instance): InstanceNode {
  const { node } = machineOf(instance);
  if (!node) throw new PeerLabError('not-capable', { about: instance.name, expected: 'a node that can be drained' });
  return node;
}
