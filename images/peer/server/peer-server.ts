import type { EventEmitter } from 'node:events';
import * as grpc from '@grpc/grpc-js';
import type { Logger } from '#base/logger.ts';
import { Slots } from '#base/slots.ts';
import { addressText } from '#proto/addresses.ts';
import { PeerLabError, toPeerLabError } from '#proto/errors.ts';
import type { PeerServiceHandlers } from '#proto/generated/PeerService.ts';
import { MAX_MESSAGE_BYTES, peerServiceDefinition } from '#proto/peer.ts';
import { UploadTurns } from '../choosers/upload-turns.ts';
import type { RateLimits } from '../rate-limit.ts';
import type { Share } from '../share/share.ts';
import type { MeteredTransfer, TransferMeter } from '../transfer-meter.ts';
import { errorMetadata, toStatus } from '../wire-error.ts';
import { hostOf } from './caller.ts';
import type { Quota } from './quota.ts';
import { sendBatch } from './send-batch.ts';
import { sendFile } from './send-file.ts';
import type { SendMemory } from './send-memory.ts';
import { type Fetched, type Offer, REFUSALS, takeUpload } from './take-upload.ts';
import { Watchers, type WatchersInit } from './watch-pieces.ts';

export interface PeerServerInit {
  readonly share: Share;
  readonly meter: TransferMeter;
  readonly logger: Logger;
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Transfers served at one time, and those that wait for one of these to end. */
  readonly maxStreams: number;
  readonly maxQueue: number;
  readonly memory: SendMemory;
  readonly sending: RateLimits;
  readonly receiving: RateLimits;
  readonly swarm: SwarmSettings;
  readonly stallTimeoutMs: number;
  /** Throws when the caller may have nothing of this peer. */
  readonly admit?: (call: { readonly metadata: grpc.Metadata; getPeer(): string }) => void;
  /** TLS, where this peer speaks it. */
  readonly credentials?: grpc.ServerCredentials | undefined;
  readonly quota: Quota;
  /** The address that the directory vouches for as the caller's, `ip:port`. */
  readonly vouched: (call: { readonly metadata: grpc.Metadata; getPeer(): string }) => string | undefined;
  /** Fetches what a caller at this address offers. @throws PeerLabError with what moved beside it, as a failed transfer */
  readonly pull: (offer: Offer, from: string, signal: AbortSignal) => Promise<Fetched>;
  /** Makes the share known, before an upload is answered. Best effort: must not reject. */
  readonly publish: () => Promise<void>;
}

/** How this peer takes part where many fetch the same. */
export interface SwarmSettings extends Pick<WatchersInit, 'gotFrom' | 'met'> {
  /** PEER_RECIPROCITY */
  readonly reciprocity: boolean;
}

/** Room above the limit on one connection, so that a stream too many is told `busy` and does not just wait. */
const STREAMS_TO_REFUSE = 64;
/** A connection whose other end is gone without a word is noticed in the sum of these. */
const KEEPALIVE = { 'grpc.keepalive_time_ms': 20_000, 'grpc.keepalive_timeout_ms': 10_000 };

type DownloadCall = Parameters<PeerServiceHandlers['DownloadFile']>[0];
type FilesCall = Parameters<PeerServiceHandlers['DownloadFiles']>[0];
type TreeCall = Parameters<PeerServiceHandlers['FileTree']>[0];
type TreeAnswer = Parameters<PeerServiceHandlers['FileTree']>[1];
type WatchCall = Parameters<PeerServiceHandlers['WatchPieces']>[0];
type UploadCall = Parameters<PeerServiceHandlers['UploadFile']>[0];
type UploadAnswer = Parameters<PeerServiceHandlers['UploadFile']>[1];

/** Serves the share to other peers. */
export class PeerServer {
  readonly port: number;
  readonly #server: grpc.Server;
  readonly #calls: Calls;

  private constructor(server: grpc.Server, calls: Calls, port: number) {
    this.#server = server;
    this.#calls = calls;
    this.port = port;
  }

  /** @throws PeerLabError `bad-setting` when the address is taken */
  static async start(init: PeerServerInit): Promise<PeerServer> {
    const server = new grpc.Server({
      ...KEEPALIVE,
      'grpc.max_concurrent_streams': init.maxStreams + init.maxQueue + STREAMS_TO_REFUSE,
      'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
      'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
      'grpc.enable_channelz': 0,
      interceptors: init.admit ? [admission(init.admit)] : [],
    });
    const calls = new Calls(init);
    const handlers: PeerServiceHandlers = {
      DownloadFile: (call) => void calls.download(call),
      DownloadFiles: (call) => void calls.batch(call),
      FileTree: (call, answer) => calls.tree(call, answer),
      WatchPieces: (call) => void calls.watch(call),
      UploadFile: (call, answer) => void calls.upload(call, answer),
    };
    server.addService(peerServiceDefinition, handlers);
    return new PeerServer(server, calls, await bind(server, init));
  }

  /** Takes no new calls, lets those under way end for `graceMs`, then cuts them off. */
  async close(graceMs: number): Promise<void> {
    this.#calls.close();
    await new Promise<void>((resolve) => {
      const cut = setTimeout(() => {
        this.#server.forceShutdown();
        resolve();
      }, graceMs);
      this.#server.tryShutdown(() => {
        clearTimeout(cut);
        resolve();
      });
    });
  }
}

/** Asked before anything else of a call is looked at, whatever the method: one that is added later is not forgotten. */
function admission(admit: NonNullable<PeerServerInit['admit']>): grpc.ServerInterceptor {
  return (_method, call) =>
    new grpc.ServerInterceptingCall(call, {
      start: (next) =>
        next({
          onReceiveMetadata: (metadata, go) => {
            try {
              admit({ metadata, getPeer: () => call.getPeer() });
            } catch (error) {
              return call.sendStatus(toStatus(error));
            }
            go(metadata);
          },
        }),
    });
}

class Calls {
  readonly #init: PeerServerInit;
  readonly #slots: Slots;
  readonly #turns: UploadTurns | undefined;
  readonly #watchers: Watchers;
  #closing = false;

  constructor(init: PeerServerInit) {
    this.#init = init;
    this.#slots = new Slots(init.maxStreams, init.maxQueue);
    const { share, sending, swarm } = init;
    const slots = sending.slots;
    // Without a limit nobody knows what the link can do: it is shared by all, as any other.
    this.#turns = slots === undefined ? undefined : new UploadTurns({ slots, reciprocity: swarm.reciprocity });
    this.#watchers = new Watchers({ ...swarm, share, turns: this.#turns });
  }

  /** Takes no new calls; those that last until the caller leaves end. */
  close(): void {
    this.#closing = true;
    this.#watchers.close();
  }

  async download(call: DownloadCall): Promise<void> {
    const transfer = this.#init.meter.start('sent');
    try {
      using turn = this.#turns?.use(call.request.turn);
      using _slot = await this.#slot(call);
      const opened = await this.#init.share.openAny(call.request.filename, call.request.sha256 || undefined);
      await using _file = opened.file;
      const { sending: limits } = this.#init;
      if (turn) this.#watchers.sends(opened.entry, call.request.offset);
      const moved = (bytes: number) => {
        transfer.moved(bytes);
        turn?.moved();
      };
      await sendFile(call, call.request, opened, { memory: this.#init.memory, limits, moved });
      transfer.end();
      call.end();
    } catch (error) {
      this.#ended(transfer, error, 'DownloadFile', call.request.filename);
      // destroy(error) would send no status at all.
      if (!call.cancelled) call.emit('error', toStatus(error));
    }
  }

  async watch(call: WatchCall): Promise<void> {
    call.on('error', () => {});
    try {
      if (this.#closing) throw new PeerLabError('shutting-down');
      await this.#watchers.serve(call, this.#init.vouched(call));
      call.end();
    } catch (error) {
      if (!call.cancelled) call.emit('error', toStatus(error));
    }
  }

  async batch(call: FilesCall): Promise<void> {
    const transfer = this.#init.meter.start('sent');
    try {
      using _slot = await this.#slot(call);
      const { share, sending: limits } = this.#init;
      await sendBatch(call, { share, limits, moved: (bytes) => transfer.moved(bytes) });
      transfer.end();
      call.end();
    } catch (error) {
      this.#ended(transfer, error, 'DownloadFiles', '');
      if (!call.cancelled) call.emit('error', toStatus(error));
    }
  }

  tree({ request: { filename, sha256 } }: TreeCall, answer: TreeAnswer): void {
    try {
      if (this.#closing) throw new PeerLabError('shutting-down');
      const { sizeBytes, tree, sha256: found } = this.#init.share.holding(filename, sha256 || undefined);
      const of = { size: sizeBytes, sha256: found };
      answer(null, tree ? { ...of, root: tree.root, pieceSize: tree.pieceSizeBytes, layer: tree.layer } : of);
    } catch (error) {
      answer(toStatus(error));
    }
  }

  async upload(call: UploadCall, answer: UploadAnswer): Promise<void> {
    const { share, meter, publish, stallTimeoutMs, quota, vouched, pull } = this.#init;
    let transfer: MeteredTransfer | undefined;
    call.on('error', () => {});
    let stalled = false;
    const onStall = () => {
      stalled = true;
      call.destroy(new PeerLabError('source-stalled', { got: `nothing for ${stallTimeoutMs} ms` }));
    };
    try {
      using _slot = await this.#slot(call);
      using pace = this.#init.receiving.of(hostOf(call));
      const streaming = () => {
        const begun = meter.start('received');
        transfer = begun;
        return (bytes: number) => begun.moved(bytes);
      };
      const from = vouched(call);
      const gone = new AbortController();
      call.once('cancelled', () => gone.abort());
      const fetch = from === undefined ? undefined : (offer: Offer) => pull(offer, from, gone.signal);
      const taken = await takeUpload(call, { share, stallTimeoutMs, pace, quota, pull: fetch, streaming, onStall });
      transfer?.end();
      if (transfer) await publish();
      answer(null, { success: true, ...taken });
    } catch (thrown) {
      const error = call.cancelled && !stalled ? new PeerLabError('cancelled') : toPeerLabError(thrown);
      this.#ended(transfer, error, 'UploadFile', '');
      if (!REFUSALS.has(error.code)) return answer(toStatus(error));
      const moved: Partial<Fetched> = error.beside;
      answer(null, { success: false, message: error.message, ...moved }, errorMetadata(error.code));
    }
  }

  /** Who waits has heard nothing yet, and would give this peer up: so nobody waits for long. */
  async #slot(call: EventEmitter & { cancelled: boolean }): Promise<Disposable> {
    if (this.#closing) throw new PeerLabError('shutting-down');
    const gone = new AbortController();
    const leave = () => gone.abort();
    const timer = setTimeout(leave, this.#init.stallTimeoutMs / 2);
    call.once('cancelled', leave);
    try {
      return await this.#slots.take(gone.signal);
    } catch (error) {
      throw gone.signal.aborted && !call.cancelled ? new PeerLabError('busy', { got: 'no slot in time' }) : error;
    } finally {
      clearTimeout(timer);
      call.off('cancelled', leave);
    }
  }

  #ended(transfer: MeteredTransfer | undefined, thrown: unknown, method: string, file: string): void {
    const error = toPeerLabError(thrown);
    transfer?.end(error);
    if (error.code === 'internal') this.#init.logger.error({ err: thrown, method }, 'unforeseen error');
    else
      this.#init.logger.debug(
        { method, code: error.code, file: file.slice(0, 300) },
        'transfer refused or ended early',
      );
  }
}

function bind(server: grpc.Server, { host, port, credentials }: PeerServerInit): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(
      addressText({ ip: host, port }),
      credentials ?? grpc.ServerCredentials.createInsecure(),
      (error, bound) => {
        if (!error) return resolve(bound);
        const about = `PEER_PORT, ${addressText({ ip: host, port })}`;
        reject(new PeerLabError('bad-setting', { about, expected: 'a free address to listen on', got: error.message }));
      },
    );
  });
}
