import { hash } from 'node:crypto';
import type { Slots } from '#base/slots.ts';
import { addressText } from '#proto/addresses.ts';
import { type BatchResult, transferFailure } from '#proto/control-api.ts';
import type { SearchResult } from '#proto/directory-api.ts';
import { PeerLabError, toPeerLabError } from '#proto/errors.ts';
import { TreeHasher } from '#proto/hash-tree.ts';
import { matchesGlob } from '#proto/names.ts';
import { MAX_SMALL_FILE_BYTES } from '#proto/peer.ts';
import { notDialledText } from '../directory/dialling.ts';
import type { DirectorySession } from '../directory/session.ts';
import type { Share } from '../share/share.ts';
import type { TransferMeter } from '../transfer-meter.ts';
import type { Downloads } from './downloads.ts';
import type { PeerClients } from './peer-clients.ts';
import { receiveFiles } from './receive-files.ts';
import { Tally } from './tally.ts';

export interface BatchesInit {
  readonly share: Share;
  readonly directory: Pick<DirectorySession, 'search' | 'publish'>;
  readonly clients: PeerClients;
  readonly meter: TransferMeter;
  readonly downloads: Downloads;
  readonly slots: Slots;
  readonly stallTimeoutMs: number;
  /** Own address, `ip:port`. */
  readonly self: string;
}

/** Files of one call. Fewer than a request may have, so that several sources share the work. */
const CALL_FILES = 500;
const CALLS_AT_ONCE = 4;
/** Those that are too large for a batch, or that it did not bring. */
const SINGLES_AT_ONCE = 8;
const FAILURES_NAMED = 100;

interface BatchFile {
  readonly name: string;
  readonly size: number;
  readonly sha256: string;
  readonly sources: readonly { readonly address: string; readonly name: string }[];
}

/** What is fetched by itself; without a hash when nobody knows one. */
type Single = Pick<BatchFile, 'name'> & Partial<BatchFile>;

/** Fetches many files at once: small ones by the hundreds in one call, the others one by one. */
export class Batches {
  readonly #init: BatchesInit;

  constructor(init: BatchesInit) {
    this.#init = init;
  }

  /** @throws PeerLabError `file-not-found` when nothing matches; `not-logged-in`, `cancelled` */
  async fetch(match: string, signal: AbortSignal): Promise<BatchResult> {
    using _slot = await this.#init.slots.take(signal);
    const began = performance.now();
    const { results, unverified, notDialled } = await this.#init.directory.search({ name: match }, signal);
    const proven = results.map((result) => batchFileOf(result, match));
    const names = new Set(proven.map(({ name }) => name));
    const unproven = unverified.map(({ name }) => name).filter((name) => !names.has(name));
    if (proven.length + unproven.length === 0) {
      if (notDialled.length > 0) throw new PeerLabError('no-source', { about: match, got: notDialledText(notDialled) });
      throw new PeerLabError('file-not-found', { about: match });
    }
    const batch = new Batch(this.#init, signal);
    await batch.run(proven, unproven);
    return {
      outcome: 'ok',
      match,
      ...(await batch.final()),
      ...(notDialled.length > 0 && { notDialled }),
      seconds: (performance.now() - began) / 1000,
    };
  }
}

/** Under a name that matches: others may have the same content under another one. */
function batchFileOf({ name, size, sha256, peers }: SearchResult, match: string): BatchFile {
  const target = matchesGlob(name, match) ? name : (peers.find((peer) => matchesGlob(peer.name, match))?.name ?? name);
  return {
    name: target,
    size,
    sha256,
    sources: peers.map((peer) => ({ address: addressText(peer), name: peer.name })),
  };
}

class Batch {
  readonly #init: BatchesInit;
  readonly #signal: AbortSignal;
  readonly #tally: Tally;
  readonly #failed: BatchResult['failed'] = [];
  #failures = 0;
  #files = 0;
  #size = 0;
  #unverified = 0;

  constructor(init: BatchesInit, signal: AbortSignal) {
    this.#init = init;
    this.#signal = signal;
    this.#tally = new Tally(init.meter.start('received'));
  }

  async final(): Promise<
    Pick<BatchResult, 'files' | 'size' | 'unverified' | 'bytes' | 'sources' | 'failures' | 'failed'>
  > {
    const moved = await this.#tally.final();
    const doubt = this.#unverified > 0 ? { unverified: this.#unverified } : {};
    return { files: this.#files, size: this.#size, ...doubt, ...moved, failures: this.#failures, failed: this.#failed };
  }

  /** @param unproven names at peers that know no hash */
  async run(wanted: readonly BatchFile[], unproven: readonly string[]): Promise<void> {
    const { share, directory } = this.#init;
    try {
      const missing = wanted.filter((file) => !this.#isThere(file));
      const [small, large] = [missing.filter(isSmall), missing.filter((file) => !isSmall(file))];
      const rest = await this.#fetchSmall(small);
      share.settled();
      const known: Single[] = [...large, ...rest];
      const singles = known.concat(unproven.filter((name) => !this.#isNameThere(name)).map((name) => ({ name })));
      await inTurns(SINGLES_AT_ONCE, singles, (file) => this.#fetchSingle(file));
      this.#tally.transfer.end();
    } catch (error) {
      share.settled();
      throw await this.#tally.failed(error);
    }
    await directory.publish().catch(() => {});
  }

  #isThere({ name, sha256, size }: BatchFile): boolean {
    if (!this.#init.share.has(name, sha256)) return false;
    this.#count(size);
    return true;
  }

  /** Of content without a hash the name is all that can be compared. */
  #isNameThere(name: string): boolean {
    const size = this.#init.share.sizeOf(name);
    if (size !== undefined) this.#count(size);
    return size !== undefined;
  }

  #count(size: number): void {
    this.#files++;
    this.#size += size;
  }

  /** @returns those that are still missing */
  async #fetchSmall(files: readonly BatchFile[]): Promise<BatchFile[]> {
    const rest: BatchFile[] = [];
    const calls = callsFor(files, this.#init.self);
    const left = files.filter(({ sources }) => sources.every(({ address }) => address === this.#init.self));
    await inTurns(CALLS_AT_ONCE, calls, async ({ address, files }) => {
      const missing = new Set(files);
      await this.#fetchCall(address, files, missing).catch((error) => {
        if (this.#signal.aborted) throw new PeerLabError('cancelled');
        this.#tally.gaveUp(address, toPeerLabError(error).code);
      });
      rest.push(...missing);
    });
    return [...rest, ...left];
  }

  async #fetchCall(address: string, files: readonly BatchFile[], missing: Set<BatchFile>): Promise<void> {
    const { clients, share, stallTimeoutMs } = this.#init;
    using lease = clients.lease(address);
    const request = files.map(({ sha256, sources }) => ({
      filename: sources.find((source) => source.address === address)?.name ?? '',
      sha256,
    }));
    const init = { lease, address, stallTimeoutMs, tally: this.#tally, signal: this.#signal };
    for await (const { index, content } of receiveFiles(request, init)) {
      const file = files[index];
      // What is wrong or was not asked for is fetched by itself, where a liar is found out and another one asked.
      if (!file || !missing.has(file) || content.length !== file.size || hash('sha256', content, 'hex') !== file.sha256)
        continue;
      missing.delete(file);
      try {
        await share.store(file.name, content, { sha256: file.sha256, tree: treeOf(content) });
        this.#count(file.size);
      } catch (error) {
        this.#fail(file, error);
      }
    }
  }

  async #fetchSingle(file: Single): Promise<void> {
    try {
      const { name, sha256 } = file;
      // The slot is the batch's.
      const { sources, size, verified } = await this.#init.downloads.withoutSlot({ name, sha256 }, this.#signal);
      this.#tally.include(sources);
      this.#count(size);
      if (verified === 'none') this.#unverified++;
    } catch (error) {
      this.#tally.include(transferFailure.parse(toPeerLabError(error).beside).sources);
      if (this.#signal.aborted) throw error;
      this.#fail(file, error);
    }
  }

  #fail({ name }: Single, thrown: unknown): void {
    const { code, message } = toPeerLabError(thrown);
    this.#failures++;
    if (this.#failed.length < FAILURES_NAMED) this.#failed.push({ name, code, message });
  }
}

function isSmall({ size }: BatchFile): boolean {
  return size <= MAX_SMALL_FILE_BYTES;
}

function treeOf(content: Buffer) {
  const hasher = new TreeHasher(content.length);
  hasher.update(content);
  return hasher.digest();
}

interface Call {
  readonly address: string;
  readonly files: BatchFile[];
}

/** Each file from the source that has least to do so far, in calls of a good size. */
function callsFor(files: readonly BatchFile[], self: string): Call[] {
  const loads = new Map<string, BatchFile[]>();
  for (const file of files) {
    const candidates = file.sources.map(({ address }) => address).filter((address) => address !== self);
    const load = (address: string) => loads.get(address)?.length ?? 0;
    const [first, ...others] = candidates;
    if (first === undefined) continue;
    const least = others.reduce((best, address) => (load(address) < load(best) ? address : best), first);
    const files = loads.get(least);
    if (files) files.push(file);
    else loads.set(least, [file]);
  }
  return [...loads].flatMap(([address, all]) =>
    Array.from({ length: Math.ceil(all.length / CALL_FILES) }, (_, i) => ({
      address,
      files: all.slice(i * CALL_FILES, (i + 1) * CALL_FILES),
    })),
  );
}

async function inTurns<T>(atOnce: number, items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  const worker = async () => {
    for (const item of queue) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
}
