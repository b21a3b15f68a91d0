import type { FaultKind, FaultRecord, OperationEvent } from '../history/events.ts';
import { having, sumOf } from '../metrics/prometheus-text.ts';
import { type Check, noneWrong } from './check.ts';
import { type History, isTransfer, receiverOf } from './history.ts';

export const operationsAccounted: Check = {
  name: 'operations accounted for',
  question: 'Was every step taken, with exactly one event for each of its operations?',
  judge({ facts, events }) {
    const ids = new Set(events.map(({ id }) => id));
    const wrong = facts.steps
      .filter(({ taken }) => !taken)
      .map(({ id, label }) => `step ${id} (${label}) was never taken`);
    if (ids.size !== events.length) wrong.push(`${events.length - ids.size} events are in the history twice`);
    if (ids.size !== facts.planned) wrong.push(`${facts.planned} operations were planned, the history has ${ids.size}`);
    return noneWrong(wrong, `${facts.planned} operations planned, done and recorded`);
  },
};

type Direction = 'received' | 'sent';

interface Moved {
  bytes: number;
  /** How many bytes more the peer may have counted: an answer was lost, or what left did not all arrive, or was also requested from another peer. */
  more: number;
  /** It may have counted less: its last scrape was before its last transfer, or what left for it did not all arrive. */
  less: boolean;
}

/** Bytes that each peer received or sent, by the history. */
function movedByHistory({ facts, events, faults }: History, direction: Direction): Map<string, Moved> {
  // Stopped, killed, frozen at the end: what was counted after the last scrape is unknown, and another life begins at zero. Killed,
  // frozen, cut off: what was under way was counted at one end only.
  const less = new Set(faults.filter(isUnseenAtTheEnd).map(({ who }) => who));
  const more = new Set(faults.filter(({ kind }) => CUTS_SHORT.has(kind)).map(({ who }) => who));
  const moved = new Map<string, Moved>(
    facts.peers.map(({ name }) => [name, { bytes: 0, more: more.has(name) ? ANY : 0, less: less.has(name) }]),
  );
  const nameOf = new Map(facts.peers.flatMap(({ name, address }) => (address ? [[address, name] as const] : [])));
  const add = direction === 'received' ? addReceived : addSent;
  for (const event of events.filter(isTransfer)) add(event, moved, (address) => nameOf.get(address) ?? address);
  return moved;
}

/** What can be on its way when a call is cut short: the largest window that peers open, and as much in buffers. */
const MAX_UNDER_WAY_BYTES = 16 * 1024 * 1024;
/** Nobody can tell how many. */
const ANY = Number.POSITIVE_INFINITY;
const CUTS_SHORT: ReadonlySet<FaultKind> = new Set(['kill', 'freeze', 'cut']);

function isUnseenAtTheEnd({ kind, until }: FaultRecord): boolean {
  return kind === 'kill' || kind === 'stop' || (kind === 'freeze' && until === undefined);
}

function isCut({ sources }: OperationEvent): boolean {
  return sources.some(({ cut }) => cut);
}

type Add = (event: OperationEvent, moved: Map<string, Moved>, nameOf: (address: string) => string) => void;

const addReceived: Add = (event, moved) => {
  const entry = moved.get(receiverOf(event));
  if (!entry) return;
  entry.bytes += event.bytes;
  // What was handed to a call that was cut did not all arrive.
  entry.less ||= event.operation === 'upload' && isCut(event);
  if (event.outcome === 'ok') return;
  if (event.operation === 'upload' || !event.error?.definite) entry.more = ANY;
  entry.less ||= event.operation === 'upload';
};

const addSent: Add = (event, moved, nameOf) => {
  const { operation, outcome, peer, bytes, sources, error } = event;
  if (operation === 'upload') {
    const entry = moved.get(peer);
    if (!entry) return;
    entry.bytes += bytes;
    // The receiver of an offer left a call with bytes under way.
    if (isCut(event)) entry.more += MAX_UNDER_WAY_BYTES;
    if (outcome === 'failed' && !error?.definite) entry.more = ANY;
    return;
  }
  for (const source of sources) {
    const entry = moved.get(nameOf(source.peer));
    if (!entry) continue;
    entry.bytes += source.bytes;
    // Left with bytes under way: another was faster, or it failed. Where a peer does not say who was, it may be any of several, and not more
    // than the others brought in its place.
    if (source.cut) entry.more += MAX_UNDER_WAY_BYTES;
    else if (source.cut === undefined) entry.more += bytes - source.bytes;
  }
  // Whom a failed download had asked in vain is not known; nor who sent what no source is named for.
  const named = sources.reduce((sum, source) => sum + source.bytes, 0);
  if (outcome === 'failed' || named < bytes) for (const entry of moved.values()) entry.more = ANY;
};

export const bytesAgree: Check = {
  name: 'bytes agree',
  question: 'Do the bytes that each peer counted, received and sent, equal those of the history?',
  judge(history) {
    const wrong: string[] = [];
    const missing = new Set<string>();
    let total = 0;
    for (const direction of ['received', 'sent'] as const) {
      for (const [peer, { bytes, more, less }] of movedByHistory(history, direction)) {
        const samples = history.metrics.get(peer);
        const given = samples && sumOf(samples, 'peerlab_transfer_bytes_total') !== undefined;
        const counted = (samples && sumOf(samples, 'peerlab_transfer_bytes_total', having({ direction }))) ?? 0;
        if (direction === 'received') total += bytes;
        if (!given) {
          if (bytes > 0) missing.add(`${peer} gave no peerlab_transfer_bytes_total`);
        } else if (counted > bytes + more || (counted < bytes && !less)) {
          wrong.push(`${peer} counted ${counted} bytes ${direction}, the history has ${bytes}`);
        }
      }
    }
    if (wrong.length === 0 && missing.size > 0) {
      const [first] = missing;
      return {
        verdict: 'inconclusive',
        reason: `${missing.size} peers without figures: ${first}`,
        details: [...missing].slice(0, 20),
      };
    }
    return noneWrong(
      wrong,
      `${total} bytes received, and the same number sent, by the history and by the peers' metrics`,
    );
  },
};
