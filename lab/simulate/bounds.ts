import { type Crowdful, fluidBound, withSeedersAlone } from '../checks/swarm/fluid-bound.ts';
import { type Model, piecesOf } from './model.ts';

/** What is known of a crowd without a simulation, by the literature. */
export interface Known {
  /** No way to share is faster. */
  readonly boundSeconds: number;
  /** Nor any order of whole pieces, where all links are alike. */
  readonly optimalSeconds: number | undefined;
  /** If nobody passed anything on. */
  readonly seedersAloneSeconds: number;
}

type Described = Pick<Model, 'peers' | 'sizeBytes' | 'pieceSizeBytes'>;

export function knownOf(model: Described): Known {
  const { peers, sizeBytes } = model;
  const seeders = peers.filter(({ isSeeder }) => isSeeder);
  const firstMs = peers.reduce(
    (first, { isSeeder, arrivesMs }) => (isSeeder ? first : Math.min(first, arrivesMs)),
    Number.POSITIVE_INFINITY,
  );
  const crowd: Crowdful = {
    participants: peers.map(({ isSeeder, arrivesMs, upload, download }) => ({
      at: isSeeder ? 0 : (arrivesMs - firstMs) / 1000,
      needs: isSeeder ? 0 : sizeBytes,
      up: upload,
      down: download ?? Number.POSITIVE_INFINITY,
    })),
    firstCopy: sizeBytes,
    seedersUp: seeders.reduce((sum, { upload }) => sum + upload, 0),
  };
  return {
    boundSeconds: fluidBound(crowd),
    optimalSeconds: optimalSeconds(model, seeders.length),
    seedersAloneSeconds: withSeedersAlone(crowd),
  };
}

/** Mundinger, Weber and Weiss (2006): the shortest time in which pieces get from one to N others that can all send the same, a piece at a time. */
function optimalSeconds({ peers, ...file }: Described, seeders: number): number | undefined {
  const [{ upload, arrivesMs } = { upload: 0, arrivesMs: 0 }] = peers;
  const areAlike = peers.every((peer) => peer.upload === upload && peer.arrivesMs === arrivesMs);
  if (!areAlike || seeders !== 1) return undefined;
  return (file.sizeBytes / upload) * (1 + Math.floor(Math.log2(peers.length - 1)) / piecesOf(file));
}
