import { type FaultKind, type FaultRecord, MACHINE_FAULTS, type OperationEvent } from '../history/events.ts';
import { having, sumOf, whyUnreadable } from '../metrics/prometheus-text.ts';
import { type Check, noneWrong } from './check.ts';
import { type History, isTransfer, receiverOf } from './history.ts';

/**
 * What a peer counted (its metrics) against what the answers to transfers say. The two are words of different peers more often than not: of
 * what a peer sent, its receivers speak. So a difference names both sides; it blames one alone only where it contradicts itself.
 */

const METRIC = 'peerlab_transfer_bytes_total';

type Direction = 'received' | 'sent';

interface Moved {
  bytes: number;
  /** How many bytes more the peer may have counted: an answer was lost, or what left did not all arrive, or was also requested from another peer. */
  more: number;
  /** It may have counted less: its last scrape was before its last transfer, or what left for it did not all arrive. */
  less: boolean;
  /** The peers whose answers these bytes are from. */
  readonly sayers: Set<string>;
  /** Those of them that do not say whether they left a call early: more may have left for them than they tell. */
  readonly vague: Set<string>;
}

/** Addresses of peers, with their names. A peer that was started again has the address of before. */
function namesOf({ peers }: History['facts']): ReadonlyMap<string, string> {
  return new Map(peers.flatMap(({ name, address }) => (address ? [[address, name] as const] : [])));
}

/**
 * Answers to transfers that can't be true, a sentence each. `bytes` and `sources` are the same bytes, all that crossed the wire; a failed
 * transfer may leave them out, and so may an upload, whose ends are known. Whom it asked in vain need not have been there; who moved
 * something was.
 */
function contradictions({ facts, events }: History): string[] {
  const nameOf = namesOf(facts);
  return events.filter(isTransfer).flatMap((event) => {
    const { operation, peer, file, outcome, bytes, sources } = event;
    const answer = `its answer to the ${operation} of ${JSON.stringify(file)}`;
    for (const source of sources.filter((one) => one.bytes !== 0)) {
      const flaw = flawOfSource(event, nameOf.get(source.peer));
      const claim = `names ${source.bytes} bytes from ${source.peer}, which ${flaw}`;
      if (flaw) return `${peer} contradicts the run: ${answer} ${claim}`;
    }
    const named = sources.reduce((sum, source) => sum + source.bytes, 0);
    const isLeftOut = outcome === 'failed' || (operation === 'upload' && sources.length === 0);
    if (isLeftOut || named === bytes) return [];
    return `${peer} contradicts itself: ${answer} says ${bytes} bytes, and its sources add up to ${named}`;
  });
}

function flawOfSource({ operation, peer, to }: OperationEvent, source: string | undefined): string | undefined {
  if (source === undefined) return 'no peer had as its address';
  const isEnd = operation === 'download' || source === peer || source === to;
  return isEnd ? undefined : `is ${source}, and neither its sender nor its receiver`;
}

/** Bytes that each peer received or sent, by the answers to transfers. */
function movedByAnswers({ facts, events, faults }: History, direction: Direction): Map<string, Moved> {
  // Stopped, killed, frozen at the end: what was counted after the last scrape is unknown, and another life begins at zero. Killed,
  // frozen, cut off: what was under way was counted at one end only.
  const less = new Set(faults.filter(isUnseenAtTheEnd).map(({ who }) => who));
  const more = new Set(faults.filter(({ kind }) => CUTS_SHORT.has(kind)).map(({ who }) => who));
  const moved = new Map<string, Moved>(
    facts.peers.map(({ name }) => [
      name,
      { bytes: 0, more: more.has(name) ? ANY : 0, less: less.has(name), sayers: new Set(), vague: new Set() },
    ]),
  );
  const nameOf = namesOf(facts);
  const add = direction === 'received' ? addReceived : addSent;
  for (const event of events.filter(isTransfer)) add(event, moved, (address) => nameOf.get(address) ?? address);
  return moved;
}

/** What can be on its way when a call is cut short: the largest window that peers open, and as much in buffers. */
const MAX_UNDER_WAY_BYTES = 16 * 1024 * 1024;
/** Nobody can tell how many. */
const ANY = Number.POSITIVE_INFINITY;
const CUTS_SHORT: ReadonlySet<FaultKind> = new Set(['kill', ...MACHINE_FAULTS, 'freeze', 'cut']);

function isUnseenAtTheEnd({ kind, until }: FaultRecord): boolean {
  return kind === 'kill' || kind === 'stop' || MACHINE_FAULTS.has(kind) || (kind === 'freeze' && until === undefined);
}

function isCut({ sources }: OperationEvent): boolean {
  return sources.some(({ cut }) => cut);
}

type Add = (event: OperationEvent, moved: Map<string, Moved>, nameOf: (address: string) => string) => void;

const addReceived: Add = (event, moved) => {
  const entry = moved.get(receiverOf(event));
  if (!entry) return;
  entry.bytes += event.bytes;
  entry.sayers.add(event.peer);
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
    entry.sayers.add(peer);
    // The receiver of an offer left a call with bytes under way.
    if (isCut(event)) entry.more += MAX_UNDER_WAY_BYTES;
    if (outcome === 'failed' && !error?.definite) entry.more = ANY;
    return;
  }
  for (const source of sources) {
    const entry = moved.get(nameOf(source.peer));
    if (!entry) continue;
    entry.bytes += source.bytes;
    entry.sayers.add(peer);
    // Left with bytes under way: another was faster, it sends more than was asked for, or it failed.
    if (source.cut) entry.more += MAX_UNDER_WAY_BYTES;
    else if (source.cut === undefined) entry.vague.add(peer);
  }
  // Whom a failed download had asked in vain is not known.
  if (outcome === 'failed') for (const entry of moved.values()) entry.more = ANY;
};

export const bytesAgree: Check = {
  name: 'bytes agree',
  question: 'Do the bytes that each peer counted, received and sent, equal those of the answers to transfers?',
  judge(history) {
    const wrong = contradictions(history);
    const unknown: string[] = [];
    let total = 0;
    for (const direction of ['received', 'sent'] as const) {
      for (const [peer, moved] of movedByAnswers(history, direction)) {
        const { bytes, more, less, vague } = moved;
        if (direction === 'received') total += bytes;
        const scrape = history.metrics.get(peer);
        const counted = scrape && sumOf(scrape, METRIC, having({ direction }));
        const unreadable = scrape && whyUnreadable(scrape, METRIC, peer);
        if (unreadable !== undefined) unknown.push(unreadable);
        else if (counted === undefined) {
          if (bytes > 0) unknown.push(`${peer} gave no ${METRIC}`);
        } else if (!Number.isFinite(counted)) {
          wrong.push(`the ${METRIC} of ${peer} is no finite number of bytes ${direction}`);
        } else if (counted > bytes + more || (counted < bytes && !less)) {
          const words = bothWords(peer, direction, counted, moved);
          if (counted > bytes && vague.size > 0)
            unknown.push(`${words}; ${list(vague)} did not say whether a call was ended early (cut)`);
          else wrong.push(words);
        }
      }
    }
    if (wrong.length > 0 || unknown.length === 0)
      return noneWrong(
        wrong,
        `${total} bytes received, and the same number sent, by the answers and by the peers' metrics`,
      );
    return {
      verdict: 'inconclusive',
      reason: `not to be judged: ${noneWrong(unknown, '').reason}`,
      details: unknown.slice(0, 20),
    };
  },
};

/** Whose figures stand against whose. */
function bothWords(peer: string, direction: Direction, counted: number, { bytes, sayers }: Moved): string {
  const metrics = `the metrics of ${peer} count ${counted} bytes ${direction}`;
  const others = new Set([...sayers].filter((name) => name !== peer));
  if (sayers.size === 0) return `${metrics}, and no answer to a transfer speaks of any`;
  if (others.size === 0) return `${peer} contradicts itself: ${metrics}, its own answers say ${bytes}`;
  return `${metrics}, the answers of ${list(sayers)} say ${bytes}: one of them is wrong`;
}

const MAX_NAMES = 5;

function list(names: ReadonlySet<string>): string {
  const [...all] = names;
  const more = all.length > MAX_NAMES ? ` and ${all.length - MAX_NAMES} more` : '';
  return `${all.slice(0, MAX_NAMES).join(', ')}${more}`;
}
