import { strict } from '../language/words.ts';
import { disturbance, lasts } from './disturbance.ts';
import { faultShape, ONE_DIRECTORY, oneDirectory } from './fault-step.ts';

const MIN_DISK_FAULT_MS = 2000;

export const fill = disturbance({
  verb: 'fill',
  summary:
    "The disk of the peers' shares is full, and stays full whatever they remove from it. The disk needs a size: `limits: {disk: …}` of the group.",
  example: 'fill: {group: leechers, take: 1, for: 5s}',
  idle: 'none of them is there and has a disk with a size (`limits: {disk: 64MB}` of the group)',
  schema: strict({ ...faultShape, for: lasts(MIN_DISK_FAULT_MS) }).refine(oneDirectory, ONE_DIRECTORY),
  fits: (name, { world }) => world.peers.some((peer) => peer.name === name && peer.diskBytes !== undefined),
  fault: () => ({ kind: 'fill' }),
});
