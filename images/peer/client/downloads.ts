import type { Slots } from '#base/slots.ts';
import type { TransferResult } from '#proto/control-api.ts';
import { MAX_MAPPED_CONTENTS, type PieceMap } from '#proto/piece-map.ts';
import { atMost, KeyedMutex } from '../bounds.ts';
import { Gifts } from '../choosers/gifts.ts';
import type { DirectorySession } from '../directory/session.ts';
import { mapOf } from '../share/piece-map.ts';
import type { Share } from '../share/share.ts';
import type { TransferMeter } from '../transfer-meter.ts';
import { Download, type OnItsWay } from './download.ts';
import { DownloadLimits } from './download-limits.ts';
import { Liars } from './liars.ts';
import type { Partners } from './partners.ts';
import type { PeerClients } from './peer-clients.ts';
import { type DownloadRequest, SourceFinder } from './source-finder.ts';
import { Tally } from './tally.ts';

export interface DownloadsInit {
  readonly share: Share;
  readonly directory: Pick<DirectorySession, 'search' | 'swarm' | 'isLoggedIn' | 'publish'>;
  readonly clients: PeerClients;
  readonly meter: TransferMeter;
  /** Shared with uploads. */
  readonly slots: Slots;
  readonly stallTimeoutMs: number;
  /** Whether they take part in crowds: PEER_SWARM. */
  readonly swarms: boolean;
  /** Own address, `ip:port`. */
  readonly self: string;
}

/** A finished download waits no longer than this for the directory to hear of it. */
const TELL_MS = 2000;

/** Fetches files from other peers into the share. */
export class Downloads {
  readonly #init: DownloadsInit;
  /** What all downloads of a peer have in common. */
  readonly #common = {
    ...{ mutex: new KeyedMutex(), liars: new Liars(), limits: new DownloadLimits() },
    partners: new Map<string, Partners>(),
    onItsWay: new Set<OnItsWay>(),
  };
  readonly #gifts = new Gifts();
  readonly #finder: SourceFinder;

  constructor(init: DownloadsInit) {
    this.#init = init;
    this.#finder = new SourceFinder({ ...init, liars: this.#common.liars });
  }

  /** Bytes that the peer at this address gave lately. */
  gotFrom(address: string): number {
    return this.#gifts.of(address);
  }

  /** The peer at this address fetches this content too, if it is on its way here. */
  met(sha256: string, address: string): void {
    this.#common.partners.get(sha256)?.met(address);
  }

  /** What is there of each content that is on its way in pieces, those first that began first. */
  pieces(): PieceMap[] {
    return Array.from(this.#common.onItsWay.values().take(MAX_MAPPED_CONTENTS), ({ name, file }) => ({
      ...{ name, sha256: file.hashes.sha256, size: file.sizeBytes, pieces: file.pieces, there: file.writtenCount },
      map: mapOf(file.pieces, (index) => file.isWritten(index)),
    }));
  }

  /**
   * Fetches one file, and comes back when it has its own name and the directory was told (best effort). Of two
   * downloads to one name, the second waits for the first, and then finds the file there.
   * @throws PeerLabError with the bytes that moved beside it: `file-exists`, `no-source`, `hash-mismatch`, `cancelled`, …
   */
  async download(request: DownloadRequest, signal: AbortSignal): Promise<TransferResult> {
    using _turn = await this.#common.mutex.take(`name ${request.name}`, signal);
    using _slot = await this.#init.slots.take(signal);
    return await this.#download(request, signal);
  }

  /**
   * The same without a slot of its own: for a batch, which has one; and for what another peer offers to upload, as two peers that upload to
   * each other would wait for each other's.
   * @throws PeerLabError as `download`
   */
  async withoutSlot(request: DownloadRequest, signal: AbortSignal): Promise<TransferResult> {
    using _turn = await this.#common.mutex.take(`name ${request.name}`, signal);
    return await this.#download(request, signal);
  }

  async #download(request: DownloadRequest, signal: AbortSignal): Promise<TransferResult> {
    const { share, directory, meter } = this.#init;
    const tally = new Tally(meter.start('received'), (address, bytes) => this.#gifts.note(address, bytes));
    this.#common.limits.downloads++;
    try {
      const wanted = await this.#finder.find(request, signal);
      const present = await share.checkTarget(request.name, wanted.sha256);
      const { entry, ...how } = present
        ? { entry: present }
        : await new Download({
            ...{ ...this.#init, ...this.#common, finder: this.#finder },
            ...{ name: request.name, tally, signal },
          }).fetch(wanted);
      const { seconds, firstByteSeconds } = tally.transfer;
      tally.transfer.end();
      await atMost(TELL_MS, directory.publish());
      const first = firstByteSeconds === undefined ? {} : { firstByteSeconds };
      const { name, size, sha256 } = entry;
      return { outcome: 'ok', name, size, sha256, ...(await tally.final()), seconds, ...first, ...how };
    } catch (error) {
      throw await tally.failed(error);
    } finally {
      this.#common.limits.downloads--;
    }
  }
}
