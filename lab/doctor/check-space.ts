import prettyBytes from 'pretty-bytes';
import { compare, type Patient, type PreflightCheck } from '../machine/check.ts';
import type { Disk, Facts } from '../machine/facts.ts';
import { LEAST_PEER_BYTES, PLAN_BYTES, RESULTS_BYTES } from './footprint.ts';

/** Do memory and disks hold it. */

const show = (bytes: number) => prettyBytes(bytes, { binary: true, maximumFractionDigits: 1 });

export const memory: PreflightCheck = {
  name: 'memory',
  judge({ memoryBytes, shares }, { size, footprint }) {
    const { peerBytes, hostBytes, hostedPeerBytes, directoryBytes, labBytes } = footprint;
    const hosted = size.hosts * hostBytes + size.hostedPeers * hostedPeerBytes;
    const alone = (size.peers - size.hostedPeers) * peerBytes;
    const inMemory = shares?.isMemory ? size.shareBytes + size.transferBytes : 0;
    return compare({
      available: memoryBytes,
      wanted: alone + hosted + size.directories * directoryBytes + labBytes + inMemory,
      show,
      what: `free${inMemory > 0 ? ` (${shares?.folder} lies in memory too)` : ''}`,
      fix: `end other programs, or use fewer peers: one takes about ${show(peerBytes)}, one of many in a process (--peers-per-instance) ${show(hostedPeerBytes)}${inMemory > 0 ? '; or put that folder on a disk (TMPDIR)' : ''}`,
    });
  },
};

/** The whole plan is in the lab's memory. */
export const plan: PreflightCheck = {
  name: 'plan',
  judge({ heapBytes }, { size: { operations, files } }) {
    return compare({
      available: heapBytes,
      wanted: operations * PLAN_BYTES.operation + files * PLAN_BYTES.file,
      show,
      what: "of memory for the lab's own data",
      fix: `${operations} operations are too many: use fewer peers, a \`limit\` in the steps, or NODE_OPTIONS=--max-old-space-size=16000 (in MiB)`,
    });
  },
};

/** Only for PeerLab's own peer: what others need is not known. */
export const memoryLimits: PreflightCheck = {
  name: 'memory limits',
  judge(_, { size: { leastMemoryLimitBytes: limit } }) {
    if (limit === undefined) return undefined;
    const found = `the least is ${show(limit)}`;
    const fix = `give each peer ${show(LEAST_PEER_BYTES.toServe)} or more; with less, peers die`;
    const needed = `${show(LEAST_PEER_BYTES.toStart)} to start, ${show(LEAST_PEER_BYTES.toServe)} to serve many`;
    if (limit < LEAST_PEER_BYTES.toStart) return { state: 'lacking', found, needed, fix };
    return limit < LEAST_PEER_BYTES.toServe ? { state: 'tight', found, needed, fix } : { state: 'ok', found, needed };
  },
};

export const shareDisk: PreflightCheck = {
  name: 'disk of shares',
  judge: (facts, patient) => judgeDisk(facts, patient, facts.shares, 'or use fewer and smaller files'),
};

export const resultsDisk: PreflightCheck = {
  name: 'disk of results',
  judge: (facts, patient) => judgeDisk(facts, patient, facts.results, 'or use another --results folder'),
};

/** All that the run writes to this disk, whichever check asks. */
function judgeDisk({ shares, results, prepareBytes }: Facts, patient: Patient, disk: Disk | undefined, fix: string) {
  const isShares = disk === undefined || shares?.id === disk.id;
  const isResults = disk !== undefined && results?.id === disk.id;
  const { shareBytes, transferBytes } = patient.size;
  return compare({
    available: disk?.freeBytes,
    wanted: (isShares ? shareBytes + transferBytes + prepareBytes : 0) + (isResults ? resultsBytes(patient) : 0),
    show,
    what: `free at ${disk?.folder ?? 'the folder of the shares'}`,
    fix: `make room there, ${fix}`,
  });
}

function resultsBytes({ size }: Patient): number {
  return RESULTS_BYTES.base + size.operations * RESULTS_BYTES.operation + size.peers * RESULTS_BYTES.peer;
}
