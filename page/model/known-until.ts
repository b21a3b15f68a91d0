import { type Arrivals, peersOf, type Scene } from './scene.ts';

/** Whoever was not heard of for so long keeps nobody waiting: it may be frozen. */
const PATIENCE_SECONDS = 5;

/** Until when it is known what arrived at peers: what came to a receiver since its counter was last read is not told yet. */
export function knownUntil(scene: Scene): number {
  if (scene.stage === 'over') return Number.POSITIVE_INFINITY;
  const read = peersOf(scene)
    .filter(({ life, arrivals }) => life === 'up' && arrivals.counter !== undefined && isReceiving(arrivals))
    .map(({ arrivals }) => arrivals.scrapedAt)
    .filter((at) => scene.now - at < PATIENCE_SECONDS);
  return Math.min(Number.POSITIVE_INFINITY, ...read);
}

function isReceiving({ since, spans }: Arrivals): boolean {
  return since.size + spans.length > 0;
}
