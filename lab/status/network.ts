import { resolveSrv } from 'node:dns/promises';
import { readFileSync } from 'node:fs';
import { reasonOf } from '#proto/errors.ts';
import { fetchMetrics } from '../instance-http.ts';
import { inPool } from '../limit.ts';
import { parsePrometheusText, type Scrape } from '../metrics/prometheus-text.ts';

/** WHAT STANDS: the peers that DNS names, each asked for its metrics, and the directory. */

export interface PeerState {
  readonly name: string;
  /** Why nothing is known of it, if it did not answer. */
  readonly trouble?: string;
  readonly loggedIn: boolean;
  readonly files: number;
  readonly bytes: number;
  readonly received: number;
  readonly sent: number;
}

export interface NetworkState {
  readonly peers: readonly PeerState[];
  /** Why they are not known, if DNS does not tell. */
  readonly trouble?: string;
  readonly directory: { readonly peersOnline: number; readonly files: number } | { readonly trouble: string };
}

/** Where a peer's control port is. */
export interface PeerPlace {
  readonly name: string;
  readonly host: string;
  readonly port: number;
}

const ANSWER_TIMEOUT_MS = 1500;
const AT_ONCE = 16;
const MAX_PEERS = 1000;

/** @param find how the peers are found: by DNS, but for tests */
export async function lookAround(
  { peers, directory }: { peers: string; directory: string },
  find: (name: string) => Promise<readonly PeerPlace[]> = placesOf,
): Promise<NetworkState> {
  const signal = new AbortController().signal;
  const scrape = async (url: string) => parsePrometheusText(await fetchMetrics(url, ANSWER_TIMEOUT_MS, signal));
  const states: PeerState[] = [];
  const looks = find(peers).then(
    async (places) => {
      await inPool(places.slice(0, MAX_PEERS), AT_ONCE, async ({ name, host, port }) => {
        states.push(
          await scrape(`http://${host}:${port}`).then(
            (said) => peerState(name, said),
            (error) => ({ ...NOTHING, name, trouble: reasonOf(error) }),
          ),
        );
      });
      return {};
    },
    (error) => ({ trouble: reasonOf(error) }),
  );
  const [found, said] = await Promise.all([looks, scrape(directory).then(directoryState, troubleOf)]);
  states.sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }));
  return { peers: states, ...found, directory: said };
}

const NOTHING = { loggedIn: false, files: 0, bytes: 0, received: 0, sent: 0 };
const troubleOf = (error: unknown) => ({ trouble: reasonOf(error) });

function peerState(name: string, said: Scrape): PeerState {
  return {
    name,
    loggedIn: sum(said, 'peerlab_logged_in') === 1,
    files: sum(said, 'peerlab_share_files'),
    bytes: sum(said, 'peerlab_share_bytes'),
    received: sum(said, 'peerlab_transfer_bytes_total', 'received'),
    sent: sum(said, 'peerlab_transfer_bytes_total', 'sent'),
  };
}

function directoryState(said: Scrape) {
  return {
    peersOnline: sum(said, 'peerlab_directory_peers_online'),
    files: sum(said, 'peerlab_directory_files_indexed'),
  };
}

function sum({ samples }: Scrape, name: string, direction?: string): number {
  return samples
    .filter((one) => one.name === name && (direction === undefined || one.labels.direction === direction))
    .reduce((total, { value }) => total + (Number.isFinite(value) ? value : 0), 0);
}

/** By SRV records, whose targets begin with the names of the pods. */
async function placesOf(name: string): Promise<PeerPlace[]> {
  let last: unknown = new Error('no such name');
  for (const full of fullNames(name, readFileSync('/etc/resolv.conf', 'utf8'))) {
    try {
      const records = await resolveSrv(full);
      return records.map(({ name: host, port }) => ({ name: host.split('.')[0] as string, host, port }));
    } catch (error) {
      last = error;
    }
  }
  // A service without a pod has no records.
  if ((last as NodeJS.ErrnoException).code === 'ENODATA') return [];
  throw last;
}

/** Node asks for SRV records by full names only: the search list of the pod says what may follow. */
export function fullNames(name: string, resolvConf: string): string[] {
  if (name.endsWith('.')) return [name];
  const search = /^\s*search\s+(.*)$/m.exec(resolvConf)?.[1]?.trim().split(/\s+/) ?? [];
  return [...search.map((domain) => `${name}.${domain}`), name];
}
