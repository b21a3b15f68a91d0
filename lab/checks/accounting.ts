import { sumOf } from '../metrics/prometheus-text.ts';
import { type Check, noneWrong } from './check.ts';
import { type History, isTransfer, receiverOf } from './history.ts';

export const operationsAccounted: Check = {
  name: 'operations accounted for',
  question: 'Is there exactly one event for each operation of the plan?',
  judge({ facts, events }) {
    const ids = new Set(events.map(({ id }) => id));
    const wrong: string[] = [];
    if (ids.size !== events.length) wrong.push(`${events.length - ids.size} events stand twice in the history`);
    if (ids.size !== facts.planned) wrong.push(`${facts.planned} operations were planned, the history has ${ids.size}`);
    return noneWrong(wrong, `${events.length} operations planned, done and recorded`);
  },
};

/** Bytes that peers received by the history: by peer, with whether an answer was lost, so that there may be more. */
function receivedByHistory({ facts, events }: History): Map<string, { bytes: number; uncertain: boolean }> {
  const received = new Map(facts.peers.map((peer) => [peer, { bytes: 0, uncertain: false }]));
  for (const event of events.filter(isTransfer)) {
    const entry = received.get(receiverOf(event));
    if (!entry) continue;
    entry.bytes += event.bytes;
    // Of a failed upload the sender knows what it sent, not what arrived.
    entry.uncertain ||= event.outcome === 'failed' && (event.operation === 'upload' || !event.error?.definite);
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
    for (const [peer, { bytes, uncertain }] of receivedByHistory(history)) {
      const samples = history.metrics.get(peer);
      const counted = samples && (sumOf(samples, 'peerlab_transfer_bytes_total', { direction: 'received' }) ?? 0);
      total += bytes;
      if (
        samples === undefined ||
        counted === undefined ||
        sumOf(samples, 'peerlab_transfer_bytes_total') === undefined
      ) {
        if (bytes > 0) missing.push(`${peer} gave no peerlab_transfer_bytes_total`);
      } else if (uncertain ? false : counted !== bytes) {
        wrong.push(`${peer} counted ${counted} bytes received, the history has ${bytes}`);
      }
    }
    if (wrong.length === 0 && missing.length > 0)
      return {
        verdict: 'inconclusive',
        reason: `${missing.length} peers without figures: ${missing[0]}`,
        details: missing.slice(0, 20),
      };
    return noneWrong(wrong, `${total} bytes received by the history and by the peers' metrics`);
  },
};
