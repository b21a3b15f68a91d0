import type { TransferResult } from '#proto/control-api.ts';
import { addressText } from '#proto/directory-api.ts';
import { type ErrorCode, PeerLabError, toPeerLabError } from '#proto/errors.ts';
import type { FileChunk__Output } from '#proto/generated/FileChunk.ts';
import { type Slots, Turns } from '../bounds.ts';
import type { DirectorySession } from '../directory/session.ts';
import type { ShareEntry } from '../share/catalogue.ts';
import type { Expected } from '../share/part-file.ts';
import type { Share } from '../share/share.ts';
import type { TransferMeter } from '../transfer-meter.ts';
import { chunksOf } from './chunks.ts';
import type { PeerClients } from './peer-clients.ts';
import { chooseSources, type Source, type Wanted } from './sources.ts';
import { Tally } from './tally.ts';

export interface DownloadsInit {
  readonly share: Share;
  readonly directory: Pick<DirectorySession, 'search' | 'isLoggedIn' | 'publish'>;
  readonly clients: PeerClients;
  readonly meter: TransferMeter;
  /** Shared with uploads. */
  readonly slots: Slots;
  readonly stallTimeoutMs: number;
  /** Own address, `ip:port`. */
  readonly self: string;
}

export interface DownloadRequest {
  readonly name: string;
  readonly sha256?: string | undefined;
  /** `ip:port` of the only source to use. */
  readonly from?: string | undefined;
}

/** Errors that another source would not mend. */
const OWN_FAULTS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'cancelled',
  'disk-full',
  'file-exists',
  'bad-name',
  'internal',
]);

/** Fetches files from other peers into the share. */
export class Downloads {
  readonly #init: DownloadsInit;
  readonly #turns = new Turns();

  constructor(init: DownloadsInit) {
    this.#init = init;
  }

  /**
   * Fetches one file, and comes back when it has its own name and the directory was told (best effort). Of two
   * downloads to one name, the second waits for the first, and then finds the file there.
   * @throws PeerLabError with the bytes that moved beside it: `file-exists`, `no-source`, `hash-mismatch`, `cancelled`, …
   */
  async download(request: DownloadRequest, signal: AbortSignal): Promise<TransferResult> {
    const { share, directory, meter, slots } = this.#init;
    using _turn = await this.#turns.take(request.name, signal);
    using _slot = await slots.take(signal);
    const tally = new Tally(meter.start('received'));
    try {
      const wanted = await this.#resolve(request, signal);
      const entry =
        (await share.checkTarget(request.name, wanted.sha256)) ??
        (await this.#fetch(request.name, wanted, tally, signal));
      const { seconds, firstByteSeconds } = tally.transfer;
      tally.transfer.end();
      await directory.publish().catch(() => {});
      const first = firstByteSeconds === undefined ? {} : { firstByteSeconds };
      const { name, size, sha256 } = entry;
      return { outcome: 'ok', name, size, sha256, ...tally.figures, seconds, ...first };
    } catch (error) {
      throw tally.failed(error);
    }
  }

  /** Which content is meant, and who has it. */
  async #resolve({ name, sha256, from }: DownloadRequest, signal: AbortSignal): Promise<Wanted> {
    const { directory, self } = this.#init;
    if (from !== undefined) {
      const sources = [{ address: from, name }];
      const known = sha256 ?? (await this.#announcedBy(from, name, signal));
      return known === undefined ? { sources } : { sha256: known, sources };
    }
    const query = sha256 === undefined ? { name } : { sha256 };
    return chooseSources(await directory.search(query, signal), { name, sha256 }, self);
  }

  /** What the directory says that `address` has under `name`; a directory that is away is no reason to fail. */
  async #announcedBy(address: string, name: string, signal: AbortSignal): Promise<string | undefined> {
    const { directory } = this.#init;
    if (!directory.isLoggedIn) return undefined;
    const results = await directory.search({ name }, signal).catch(() => []);
    return results.find(({ peers }) => peers.some((peer) => peer.name === name && addressText(peer) === address))
      ?.sha256;
  }

  /** Asks one source after the other, each once, until one delivers. */
  async #fetch(name: string, wanted: Wanted, tally: Tally, signal: AbortSignal): Promise<ShareEntry> {
    const failures: PeerLabError[] = [];
    for (const source of wanted.sources) {
      try {
        return await this.#fetchFrom(source, name, wanted, tally, signal);
      } catch (thrown) {
        const error = toPeerLabError(thrown);
        if (OWN_FAULTS.has(error.code)) throw error;
        failures.push(error);
      }
    }
    const [only] = failures;
    if (only && failures.length === 1) throw only;
    throw new PeerLabError('no-source', { about: name, got: failures.map((error) => error.message).join('; ') });
  }

  async #fetchFrom(
    source: Source,
    name: string,
    wanted: Wanted,
    tally: Tally,
    signal: AbortSignal,
  ): Promise<ShareEntry> {
    const { share, clients, stallTimeoutMs } = this.#init;
    const { address } = source;
    using lease = clients.lease(address);
    const request = { filename: source.name, sha256: wanted.sha256 ?? '' };
    const chunks = chunksOf(request, { client: lease.client, address, stallTimeoutMs, signal });
    try {
      const first = await chunks.next();
      const expected = expectation(first.value ?? undefined, wanted, address);
      const present = wanted.sha256 === undefined && (await share.checkTarget(name, expected.sha256));
      if (present) return present;
      await using part = await share.receive(expected);
      for (let next = first; !next.done; next = await chunks.next()) {
        assertPosition(next.value, part.position, address);
        tally.add(address, next.value.content.length);
        await part.append(next.value.content);
      }
      await part.finish();
      return await share.publish(part, name);
    } finally {
      await chunks.return();
    }
  }
}

/**
 * What the file must turn out to be: what was known before, else what the source announces in its first chunk.
 * @throws PeerLabError `unverifiable` when neither knows a hash; `hash-mismatch` when the source announces something else
 */
function expectation(first: FileChunk__Output | undefined, wanted: Wanted, about: string): Expected {
  const sha256 = wanted.sha256 ?? first?.sha256;
  const size = wanted.size ?? first?.size;
  if (sha256 === undefined || !/^[0-9a-f]{64}$/.test(sha256)) throw new PeerLabError('unverifiable', { about });
  if (first?.sha256 !== undefined && first.sha256 !== sha256) {
    throw new PeerLabError('hash-mismatch', { about, expected: `sha256 ${sha256}`, got: 'another one announced' });
  }
  if (first?.size !== undefined && first.size !== size) {
    throw new PeerLabError('hash-mismatch', { about, expected: `${size} bytes`, got: `${first.size} announced` });
  }
  return { size, sha256 };
}

/** A peer that echoes no offset sends from byte 0 on, which is what was asked for. */
function assertPosition({ offset }: FileChunk__Output, position: number, about: string): void {
  if (offset === undefined || offset === position) return;
  throw new PeerLabError('hash-mismatch', { about, expected: `a chunk at ${position}`, got: `one at ${offset}` });
}
