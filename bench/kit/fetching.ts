import { createHash, randomFillSync } from 'node:crypto';
import { closeSync, createReadStream, openSync, writeSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { type Host, type Peer, type Service, Workshop } from './service.ts';
import { run, type Used } from './tools.ts';

/** What the benchmarks of transfers have in common: files, a directory, seeders, downloads that are timed. */

export const MIB = 1024 ** 2;
export const ROUNDS = 5;

/** Path of a program of bench/kit. */
export const kit = (name: string) => fileURLToPath(new URL(`./${name}.ts`, import.meta.url));

/** Bytes that nothing can compress: a random block with a number in it, again and again. */
export function makeFile(file: string, bytes: number, seed = 0): void {
  const block = randomFillSync(Buffer.alloc(MIB));
  const handle = openSync(file, 'w');
  for (let at = 0; at < bytes; at += MIB) {
    block.writeDoubleLE(at + seed, 0);
    writeSync(handle, block, 0, Math.min(MIB, bytes - at));
  }
  closeSync(handle);
}

export async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const part of createReadStream(file, { highWaterMark: MIB })) hash.update(part);
  return hash.digest('hex');
}

export interface Fetched extends Used {
  readonly senderCpuSeconds: number;
  readonly peakMemoryBytes: number;
}

/** A directory, and peers that log in there. */
export class Yard implements AsyncDisposable {
  readonly workshop = new Workshop();
  #directory: Service | undefined;

  /** A peer that is logged in. */
  async peer(share = this.workshop.newFolder(), settings: Record<string, string> = {}): Promise<Peer> {
    this.#directory ??= await this.workshop.directory();
    const peer = await this.workshop.peer(share, { PEER_DIRECTORY_URL: this.#directory.url, ...settings });
    await peer.control('login');
    return peer;
  }

  /** Peers with empty shares in one process, one for each of the settings, logged in. */
  async host(settings: readonly Record<string, string>[]): Promise<Host> {
    this.#directory ??= await this.workshop.directory();
    const PEER_DIRECTORY_URL = this.#directory.url;
    const host = await this.workshop.host(settings.map((one) => ({ PEER_DIRECTORY_URL, ...one })));
    for (const peer of host.peers) await peer.control('login');
    return host;
  }

  /** A download by a peer that has just started, with an empty share, and the disk with nothing left to write. */
  async fetchedBy(request: object, source: Peer): Promise<Fetched> {
    const leecher = await this.peer();
    await run('sync', []);
    const [cpu, senderCpu, began] = [leecher.cpuSeconds, source.cpuSeconds, performance.now()];
    await leecher.control('download', request);
    const seconds = (performance.now() - began) / 1000;
    const measured = {
      seconds,
      cpuSeconds: leecher.cpuSeconds - cpu,
      senderCpuSeconds: source.cpuSeconds - senderCpu,
      peakMemoryBytes: leecher.peakMemoryBytes,
    };
    await this.dismiss(leecher);
    return measured;
  }

  /** It leaves, and what it has with it. */
  async dismiss(peer: Peer | Host): Promise<void> {
    await peer.stop();
    await rm(peer.share, { recursive: true });
  }

  /** A command that leaves a file in a new folder. @returns what `fetch` says, seconds */
  async fetchedTo(fetch: (folder: string) => Promise<number>): Promise<number> {
    const folder = this.workshop.newFolder();
    await run('sync', []);
    const seconds = await fetch(folder);
    await rm(folder, { recursive: true });
    return seconds;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.workshop[Symbol.asyncDispose]();
  }
}

export const seconds = async (command: string, ...args: string[]) => (await run(command, args)).seconds;

export const mibPerSecond = (bytes: number, s: number) => Math.round(bytes / MIB / s);
