import { sumOf } from '../metrics/prometheus-text.ts';
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
    if (ids.size !== events.length) wrong.push(`${events.length - ids.size} events stand twice in the history`);
    if (ids.size !== facts.planned) wrong.push(`${facts.planned} operations were planned, the history has ${ids.size}`);
    return noneWrong(wrong, `${facts.planned} operations planned, done and recorded`);
  },
};

interface Received {
  bytes: number;
  /** There may be more: an answer was lost, or an upload failed (its sender knows what it sent, not what arrived). */
  more: boolean;
  /** There may be less in the figures: the peer's last scrape was before its last transfer. */
  less: boolean;
}

/** Bytes that each peer received, by the history. */
function receivedByHistory({ facts, events }: History): Map<string, Received> {
  const received = new Map<string, Received>(
    facts.peers.map(({ name, until }) => [name, { bytes: 0, more: false, less: until !== undefined }]),
  );
  for (const event of events.filter(isTransfer)) {
    const entry = received.get(receiverOf(event));
    if (!entry) continue;
    entry.bytes += event.bytes;
    if (event.outcome === 'failed') {
      entry.more ||= event.operation === 'upload' || !event.error?.definite;
      entry.less ||= event.operation === 'upload';
    }
  }
  return received;
}

export const bytesAgree: Check = {
  name: 'bytes agree',
  question: 'Do the bytes that each peer counted equal those of the history?',
  judge(history) {
    const wrong: string[] = [];
    const missing: string[] = [];
    let total = 0;
    for (const [peer, { bytes, more, less }] of receivedByHistory(history)) {
      const samples = history.metrics.get(peer);
      const given = samples && sumOf(samples, 'peerlab_transfer_bytes_total') !== undefined;
      const counted = (samples && sumOf(samples, 'peerlab_transfer_bytes_total', { direction: 'received' })) ?? 0;
      total += bytes;
      if (!given) {
        if (bytes > 0) missing.push(`${peer} gave no peerlab_transfer_bytes_total`);
      } else if ((counted > bytes && !more) || (counted < bytes && !less)) {
        wrong.push(`${peer} counted ${counted} bytes received, the history has ${bytes}`);
      }
    }
    if (wrong.length === 0 && missing.length > 0) {
      return {
        verdict: 'inconclusive',
        reason: `${missing.length} peers without figures: ${missing[0]}`,
        details: missing.slice(0, 20),
      };
    }
    return noneWrong(wrong, `${total} bytes received by the history and by the peers' metrics`);
  },
};
