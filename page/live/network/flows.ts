import type { Instance, Scene } from '../../model/scene.ts';
import { linkKey, peersOf, receiverOf } from '../../model/scene.ts';

/**
 * What moves between peers at a moment. Who sent is told when a transfer ends. Until then, whoever has the file and is sending may be
 * one of those that send: that is drawn, too, as what it is.
 */
export interface Flow {
  readonly from: string;
  readonly to: string;
  readonly bytesPerSecond: number;
  readonly isCertain: boolean;
}

/** A transfer that has ended is still seen for a moment. */
const SEEN_SECONDS = 1;
const MAX_OPERATIONS = 1000;
/** Possible senders that are drawn for one transfer. */
const MAX_SENDERS = 6;
/** A rate that is older than that says nothing. */
const FRESH_SECONDS = 5;
const SENDING = 'peerlab_transfers_in_progress{direction="sent"}';

export function flowsOf(scene: Scene): Flow[] {
  const flows = new Map<string, Flow>();
  const add = (flow: Flow) => {
    const key = linkKey(flow.from, flow.to);
    const known = flows.get(key);
    const bytesPerSecond = (known?.bytesPerSecond ?? 0) + flow.bytesPerSecond;
    flows.set(key, { ...flow, bytesPerSecond, isCertain: flow.isCertain || known?.isCertain === true });
  };
  for (const flow of ended(scene)) add(flow);
  for (const flow of underWay(scene)) add(flow);
  return [...flows.values()];
}

function* ended(scene: Scene): Generator<Flow> {
  if (scene.stage !== 'steps') return;
  for (const operation of scene.operations.latest(MAX_OPERATIONS)) {
    if (operation.end < scene.now - SEEN_SECONDS) return;
    const to = receiverOf(operation);
    if (to === undefined) continue;
    const { bytes, peer, sources, start, end } = operation;
    for (const source of operation.operation === 'upload' ? [{ peer, bytes }] : sources) {
      const from = scene.names.get(source.peer) ?? source.peer;
      if (source.bytes > 0) yield { from, to, bytesPerSecond: source.bytes / (end - start), isCertain: true };
    }
  }
}

function* underWay(scene: Scene): Generator<Flow> {
  const senders = sourcesByFile(scene);
  for (const operation of scene.underWay.values()) {
    const to = receiverOf(operation);
    if (to === undefined) continue;
    if (operation.operation === 'upload') {
      yield { from: operation.peer, to, bytesPerSecond: 0, isCertain: true };
      continue;
    }
    const some = (senders.get(operation.file ?? '') ?? []).filter(({ name }) => name !== to).slice(0, MAX_SENDERS);
    const rate = rateOf(scene.instances.get(to), scene) / Math.max(1, some.length);
    for (const { name } of some) yield { from: name, to, bytesPerSecond: rate, isCertain: false };
  }
}

/**
 * Of the files that are being fetched: who is there and has them, or fetches them as well and gives on the pieces that it has. Those that
 * say that they send come alone.
 */
function sourcesByFile({ underWay, instances }: Scene): Map<string, Instance[]> {
  const fetching = Map.groupBy(underWay.values(), ({ file = '' }) => file);
  const sources = new Map<string, Instance[]>();
  for (const [file, some] of fetching) {
    const partly = new Set(some.map(({ peer }) => peer));
    const there = [...instances.values()].filter((one) => one.life === 'up' && !isSilent(one));
    const whole = there.filter(({ files }) => files.has(file));
    const sending = there.filter((one) => isSending(one) && (one.files.has(file) || partly.has(one.name)));
    sources.set(file, sending.length > 0 ? sending : whole);
  }
  return sources;
}

function isSending({ values }: Instance): boolean {
  return (values[SENDING] ?? 0) > 0;
}

function isSilent({ faults }: Instance): boolean {
  return ['freeze', 'kill', 'stop', 'evict', 'drain'].some((kind) => faults.has(kind));
}

/** How fast bytes come to a peer, by its own counter. */
export function rateOf(one: Instance | undefined, { now, stage }: Scene): number {
  const isFresh = one?.life === 'up' && stage === 'steps' && now - one.arrivals.scrapedAt < FRESH_SECONDS;
  return isFresh ? one.arrivals.bytesPerSecond : 0;
}

/** Of those who receive, how many have told how fast: by a counter that was read since they began. */
export function tellersOf(scene: Scene): { told: number; receivers: number } {
  const receivers = peersOf(scene).filter(({ life, arrivals }) => life === 'up' && arrivals.since.size > 0);
  const told = receivers.filter(({ arrivals: { since, scrapedAt } }) => scrapedAt > Math.min(...since.values()));
  return { told: told.length, receivers: receivers.length };
}

/** Of many flows, one for each two groups. */
export function byGroup(flows: readonly Flow[], groupOf: (name: string) => string): Flow[] {
  const sums = new Map<string, Flow>();
  for (const flow of flows) {
    const [from, to] = [groupOf(flow.from), groupOf(flow.to)];
    const key = linkKey(from, to);
    const known = sums.get(key);
    const bytesPerSecond = (known?.bytesPerSecond ?? 0) + flow.bytesPerSecond;
    sums.set(key, { from, to, bytesPerSecond, isCertain: flow.isCertain || known?.isCertain === true });
  }
  return [...sums.values()];
}
