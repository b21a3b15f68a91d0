import { setTimeout as sleep } from 'node:timers/promises';
import { PeerLabError } from '#proto/errors.ts';
import type { Instance, InstanceDisk, InstanceNetwork } from '../drivers/driver.ts';
import type { Look } from './fault.ts';

const POLL_MS = 50;

/** @throws PeerLabError `not-capable`: the plan was to be refused before it came to this */
export function networkOf({ name, network }: Instance): InstanceNetwork {
  if (!network) throw new PeerLabError('not-capable', { about: name, expected: 'a network that can be disturbed' });
  return network;
}

/** @throws PeerLabError `not-capable` */
export function diskOf({ name, disk }: Instance): InstanceDisk {
  if (!disk) throw new PeerLabError('not-capable', { about: name, expected: 'a disk of its own, with a size' });
  return disk;
}

/** So often at least, however long one look takes on a busy machine. */
const MIN_LOOKS = 3;

/** Looks again until it sees what it should, for about so long. @returns what it saw last */
export async function lookUntil(look: () => Promise<Look>, withinMs: number): Promise<Look> {
  const until = performance.now() + withinMs;
  for (let looks = 1; ; looks++) {
    const last = await look();
    if (last.ok || (looks >= MIN_LOOKS && performance.now() >= until)) return last;
    await sleep(POLL_MS);
  }
}
