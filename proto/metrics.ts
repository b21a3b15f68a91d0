import { ERRORS } from './errors.ts';

/** THE METRIC TABLE: names, kinds, labels, help; data only. docs/metrics.md is made from it. */
export interface MetricSpec {
  readonly kind: 'counter' | 'gauge' | 'histogram';
  readonly at: 'peer' | 'directory';
  readonly help: string;
  readonly labels: readonly string[];
  readonly buckets?: readonly number[];
}

const DIRECTION = 'direction';
/** From 1 ms to about 2 minutes, each 2 times the last: transfers of a few bytes and of gigabytes. */
const SECONDS = [
  0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1, 2, 4, 8, 16, 32, 64, 128,
] as const;
/** From 64 KiB/s to 2 GiB/s, each 2 times the last. */
const BYTES_PER_SECOND = [
  65_536, 131_072, 262_144, 524_288, 1_048_576, 2_097_152, 4_194_304, 8_388_608, 16_777_216, 33_554_432, 67_108_864,
  134_217_728, 268_435_456, 536_870_912, 1_073_741_824, 2_147_483_648,
] as const;

export const METRICS = {
  peerlab_transfer_bytes_total: {
    kind: 'counter',
    at: 'peer',
    labels: [DIRECTION],
    help: 'Bytes of file content that crossed the wire, failed transfers included. direction: sent or received.',
  },
  peerlab_transfers_total: {
    kind: 'counter',
    at: 'peer',
    labels: [DIRECTION, 'outcome', 'reason'],
    help: 'Transfers that ended. outcome: ok or failed; reason: the error code, or "none" if ok.',
  },
  peerlab_transfers_in_progress: { kind: 'gauge', at: 'peer', labels: [DIRECTION], help: 'Transfers under way now.' },
  peerlab_transfer_duration_seconds: {
    kind: 'histogram',
    at: 'peer',
    labels: [DIRECTION],
    buckets: SECONDS,
    help: 'Duration of transfers that ended well, from request to the last byte (received: until published under its own name).',
  },
  peerlab_transfer_throughput_bytes_per_second: {
    kind: 'histogram',
    at: 'peer',
    labels: [DIRECTION],
    buckets: BYTES_PER_SECOND,
    help: 'Bytes per second of each transfer that ended well and moved at least one byte.',
  },
  peerlab_transfer_first_byte_seconds: {
    kind: 'histogram',
    at: 'peer',
    labels: [DIRECTION],
    buckets: SECONDS,
    help: 'Time from request to the first message with content.',
  },
  peerlab_pieces_rejected_total: {
    kind: 'counter',
    at: 'peer',
    labels: [],
    help: 'Pieces that were received completely but did not match the hash tree.',
  },
  peerlab_resumed_bytes_total: {
    kind: 'counter',
    at: 'peer',
    labels: [],
    help: 'Bytes that did not have to be fetched again: kept from an earlier attempt, and right when they were read again.',
  },
  peerlab_share_files: {
    kind: 'gauge',
    at: 'peer',
    labels: [],
    help: 'Files in the share that are hashed and served.',
  },
  peerlab_share_available: {
    kind: 'gauge',
    at: 'peer',
    labels: [],
    help: '1 while the share folder is there; 0 while it is gone, and nothing is served.',
  },
  peerlab_share_bytes: { kind: 'gauge', at: 'peer', labels: [], help: 'Bytes of those files.' },
  peerlab_logged_in: {
    kind: 'gauge',
    at: 'peer',
    labels: [],
    help: '1 while the peer holds a lease at the directory.',
  },

  peerlab_directory_requests_total: {
    kind: 'counter',
    at: 'directory',
    labels: ['endpoint', 'method', 'status'],
    help: 'Answered requests. endpoint: the route, or "unknown" for everything else.',
  },
  peerlab_directory_request_seconds: {
    kind: 'histogram',
    at: 'directory',
    labels: ['endpoint'],
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    help: 'Time to answer.',
  },
  peerlab_directory_peers_online: { kind: 'gauge', at: 'directory', labels: [], help: 'Peers with a valid lease.' },
  peerlab_directory_files_indexed: {
    kind: 'gauge',
    at: 'directory',
    labels: [],
    help: 'Entries in the index: one for each file of each online peer.',
  },
  peerlab_directory_answer_age_seconds: {
    kind: 'histogram',
    at: 'directory',
    labels: ['endpoint'],
    buckets: [0.5, 1, 2, 5, 10, 15, 20, 30, 45, 60, 120, 300],
    help: 'Age of the answers of /search and /index: the time since the last lease renewal of that peer in the answer that was silent longest.',
  },
  peerlab_directory_leases_expired_total: {
    kind: 'counter',
    at: 'directory',
    labels: [],
    help: 'Peers that left because they stopped renewing their lease.',
  },
} as const satisfies Record<string, MetricSpec>;

/** The values that labels can have, where that is known beforehand. */
export const LABEL_VALUES: Readonly<Record<string, readonly string[]>> = {
  direction: ['sent', 'received'],
  outcome: ['ok', 'failed'],
  reason: ['none', ...Object.keys(ERRORS)],
};

export type MetricName = keyof typeof METRICS;
export type Direction = 'sent' | 'received';
