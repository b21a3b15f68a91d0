import { join } from 'node:path';
import { jain } from '../../lab/checks/swarm/swarm-figures.ts';
import { MIB, makeFile, type Yard } from './fetching.ts';
import type { Controlled, Host, Peer } from './service.ts';

/** A crowd of PeerLab's peers that wants one file, of one seeder, all at once. */

export interface Crowd {
  readonly leechers: number;
  readonly sizeMib: number;
  /** Bytes a second that the seeder sends; undefined is no limit. */
  readonly seeder: number | undefined;
  /** Of each leecher, in turn. */
  readonly uploads: readonly (number | undefined)[];
  /** 1 by default. */
  readonly peersPerProcess?: number;
}

export interface Measured {
  /** Until the last had the file. */
  readonly seconds: number;
  readonly seederCopies: number;
  readonly jain: number;
  /** The most that any process had. */
  readonly memoryMib: number;
}

const MB = 1_000_000;

export async function timeCrowd(yard: Yard, crowd: Crowd, settings: Record<string, string> = {}): Promise<Measured> {
  const { leechers, sizeMib, seeder, uploads, peersPerProcess = 1 } = crowd;
  const limited = (rate: number | undefined): Record<string, string> =>
    rate === undefined ? settings : { ...settings, PEER_UPLOAD_LIMIT: `${rate / MB}MB/s` };
  const share = yard.workshop.newFolder();
  makeFile(join(share, 'file.bin'), sizeMib * MIB, Math.random());
  const source = await yard.peer(share, limited(seeder));
  const each = Array.from({ length: leechers }, (_, i) => limited(uploads[i % uploads.length]));
  const processes: (Peer | Host)[] = [source];
  const fetching: Controlled[] = [];
  for (let at = 0; at < leechers; at += peersPerProcess) {
    const one = await started(yard, each.slice(at, at + peersPerProcess));
    processes.push(one);
    fetching.push(...('peers' in one ? one.peers : [one]));
  }
  const began = performance.now();
  const results = await Promise.all(
    fetching.map((one) => one.control<{ verified: string }>('download', { name: 'file.bin' })),
  );
  const seconds = (performance.now() - began) / 1000;
  if (results.some(({ verified }) => verified !== 'tree')) throw new Error('a download was not verified');
  const seederSent = await sentBytes(source);
  const given = await Promise.all(fetching.map(sentBytes));
  const memoryMib = Math.max(...processes.map(({ peakMemoryBytes }) => peakMemoryBytes)) / MIB;
  for (const one of processes) await yard.dismiss(one);
  return { seconds, seederCopies: seederSent / (sizeMib * MIB), jain: jain(given) ?? 0, memoryMib };
}

async function started(yard: Yard, settings: readonly Record<string, string>[]): Promise<Peer | Host> {
  const [only = {}, ...others] = settings;
  return others.length === 0 ? yard.peer(undefined, only) : yard.host(settings);
}

async function sentBytes({ url }: Controlled): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/^peerlab_transfer_bytes_total\{direction="sent"\} (\d+)$/m.exec(text)?.[1] ?? 0);
}
