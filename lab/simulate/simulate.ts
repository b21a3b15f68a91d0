import { MAX_DURATION_MS } from '#proto/units.ts';
import { jain } from '../checks/swarm/swarm-figures.ts';
import type { Model } from './model.ts';
import type { SimPeer } from './sim-peer.ts';
import { SimWorld } from './world.ts';

/** What became of those of one group who fetched. */
export interface GroupOutcome {
  readonly group: string;
  readonly peers: number;
  readonly uploadBytesPerSecond: number;
  readonly finished: number;
  /** Of one peer, from its arrival on. */
  readonly meanSeconds: number;
  readonly slowestSeconds: number;
  readonly sentBytes: number;
}

export interface Outcome {
  readonly finished: number;
  readonly unfinished: number;
  /** From the first arrival until the last had the file. */
  readonly lastSeconds: number;
  readonly meanSeconds: number;
  /** Of the whole file, that left those who had it from the start. */
  readonly seederCopies: number;
  /** Jain's index of what each gave for what it got, of those who had it not. */
  readonly fairness: number;
  readonly sentBytes: number;
  /** Sent a second time, or cut off. */
  readonly wastedBytes: number;
  readonly groups: readonly GroupOutcome[];
  readonly events: number;
}

/** Pure: the same model gives the same outcome, on every machine. */
export function simulate(model: Model): Outcome {
  const world = new SimWorld(model);
  world.run(MAX_DURATION_MS);
  const crowd = world.peers.filter((peer) => !peer.model.isSeeder);
  const seeders = world.peers.filter((peer) => peer.model.isSeeder);
  const done = crowd.filter(({ finishedMs }) => finishedMs !== undefined);
  const first = crowd.reduce((least, { model }) => Math.min(least, model.arrivesMs), Number.POSITIVE_INFINITY);
  const last = done.reduce((most, { finishedMs = 0 }) => Math.max(most, finishedMs), first);
  return {
    finished: done.length,
    unfinished: crowd.length - done.length,
    lastSeconds: (last - first) / 1000,
    meanSeconds: mean(done.map(secondsOf)),
    seederCopies: sum(seeders.map(({ sentBytes }) => sentBytes)) / model.sizeBytes,
    fairness: jain(crowd.map(({ sentBytes, receivedBytes }) => sentBytes / Math.max(1, receivedBytes))) ?? 1,
    sentBytes: sum(world.peers.map(({ sentBytes }) => sentBytes)),
    wastedBytes: world.wastedBytes,
    groups: [...Map.groupBy(crowd, ({ model }) => model.group)].map(([group, peers]) => groupOutcome(group, peers)),
    events: world.agenda.happened,
  };
}

function groupOutcome(group: string, peers: readonly SimPeer[]): GroupOutcome {
  const seconds = peers.filter(({ finishedMs }) => finishedMs !== undefined).map(secondsOf);
  return {
    group,
    peers: peers.length,
    uploadBytesPerSecond: peers[0]?.model.upload ?? 0,
    finished: seconds.length,
    meanSeconds: mean(seconds),
    slowestSeconds: seconds.reduce((most, one) => Math.max(most, one), 0),
    sentBytes: sum(peers.map(({ sentBytes }) => sentBytes)),
  };
}

const secondsOf = ({ finishedMs = 0, model }: SimPeer) => (finishedMs - model.arrivesMs) / 1000;
const sum = (some: readonly number[]) => some.reduce((a, b) => a + b, 0);
const mean = (some: readonly number[]) => (some.length === 0 ? 0 : sum(some) / some.length);
