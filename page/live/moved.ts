import type { Instance, Scene } from '../model/scene.ts';

/** What a peer received and sent until now: by its transfers that ended, or by its own counters, which know of those under way. */
export function movedOf(peer: Instance, { stage }: Pick<Scene, 'stage'>): { received: number; sent: number } {
  const { received, sent, values } = peer;
  // After the run, what ended is all there is, as in its report.
  if (stage === 'over') return { received, sent };
  const counter = (direction: string) => values[`peerlab_transfer_bytes_total{direction="${direction}"}`] ?? 0;
  return { received: Math.max(received, counter('received')), sent: Math.max(sent, counter('sent')) };
}
