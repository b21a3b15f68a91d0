import * as grpc from '@grpc/grpc-js';
import { addressText, isIpv6, parseAddress } from '#proto/addresses.ts';
import { PeerLabError } from '#proto/errors.ts';
import type { PeerServiceClient } from '#proto/generated/PeerService.ts';
import { FLOW_CONTROL_WINDOW_BYTES, MAX_MESSAGE_BYTES, PeerService } from '#proto/peer.ts';
import { type Pace, RateLimits } from '../rate-limit.ts';

/** A connection without transfers is kept for the next one so long. */
const IDLE_MS = 30_000;
/** Idle connections kept; those in use are bounded by the number of transfers. */
const MAX_IDLE = 64;
const LEAST_WINDOW_BYTES = 64 * 1024;

const OPTIONS: grpc.ClientOptions = {
  'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
  'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
  'grpc.keepalive_time_ms': 20_000,
  'grpc.keepalive_timeout_ms': 10_000,
  // A peer that was just restarted is found at once: whether and when to try again is decided by the download.
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1000,
  'grpc.enable_retries': 0,
  // Closing a client closes its connection, and no environment variable sends peers through a proxy.
  'grpc.use_local_subchannel_pool': 1,
  'grpc.enable_http_proxy': 0,
  'grpc.enable_channelz': 0,
};

interface Pooled {
  readonly client: PeerServiceClient;
  users: number;
  idle?: NodeJS.Timeout;
}

export interface ClientLease extends Disposable {
  readonly client: PeerServiceClient;
  /** The limits on what is received from it, and on what is sent to it. */
  readonly receiving: Pick<Pace, 'reserve'>;
  readonly sending: Pick<Pace, 'reserve'>;
}

export interface PeerClientsInit {
  readonly receiving?: RateLimits;
  readonly sending?: RateLimits;
  /** Shows this peer's ticket with every call. */
  readonly interceptor?: grpc.Interceptor;
  /** TLS, where other peers speak it. */
  readonly credentials?: grpc.ChannelCredentials | undefined;
}

/** One connection per peer, shared by the transfers with it, closed some time after the last. */
export class PeerClients implements Disposable {
  readonly #pool = new Map<string, Pooled>();
  readonly #receiving: RateLimits;
  readonly #sending: RateLimits;
  readonly #credentials: grpc.ChannelCredentials;
  readonly #options: grpc.ClientOptions;

  constructor(init: PeerClientsInit = {}) {
    const { receiving = new RateLimits(), sending = new RateLimits(), interceptor } = init;
    this.#credentials = init.credentials ?? grpc.credentials.createInsecure();
    this.#receiving = receiving;
    this.#sending = sending;
    // What is in the window has been received, whatever the limit says.
    const window = Math.max(
      LEAST_WINDOW_BYTES,
      Math.min(FLOW_CONTROL_WINDOW_BYTES, (receiving.lowest ?? Infinity) / 10),
    );
    this.#options = {
      ...OPTIONS,
      'grpc-node.flow_control_window': Math.floor(window),
      ...(interceptor && { interceptors: [interceptor] }),
    };
  }

  /** @param address `ip:port` or `host:port`. @throws PeerLabError `bad-request` when it is neither */
  lease(address: string): ClientLease {
    const pooled = this.#pool.get(address) ?? this.#connect(address);
    clearTimeout(pooled.idle);
    pooled.users++;
    const [receiving, sending] = [this.#receiving.of(address), this.#sending.of(address)];
    let held = true;
    return {
      client: pooled.client,
      receiving,
      sending,
      [Symbol.dispose]: () => {
        if (!held) return;
        held = false;
        receiving[Symbol.dispose]();
        sending[Symbol.dispose]();
        this.#release(address, pooled);
      },
    };
  }

  /** How many connections there are, idle ones included. */
  get size(): number {
    return this.#pool.size;
  }

  [Symbol.dispose](): void {
    for (const [address, pooled] of this.#pool) this.#close(address, pooled);
  }

  #connect(address: string): Pooled {
    const client = new PeerService(target(address), this.#credentials, this.#options);
    const pooled = { client, users: 0 };
    this.#pool.set(address, pooled);
    return pooled;
  }

  #release(address: string, pooled: Pooled): void {
    if (--pooled.users > 0) return;
    if (this.#pool.size > MAX_IDLE) this.#close(address, pooled);
    else pooled.idle = setTimeout(() => this.#close(address, pooled), IDLE_MS).unref();
  }

  #close(address: string, pooled: Pooled): void {
    clearTimeout(pooled.idle);
    if (this.#pool.get(address) === pooled) this.#pool.delete(address);
    pooled.client.close();
  }
}

/** The scheme is always named: an address such as `unix:1234` must not become a socket file. */
function target(text: string): string {
  const address = parseAddress(text);
  if (address) return `${isIpv6(address.ip) ? 'ipv6' : 'ipv4'}:${addressText(address)}`;
  const [, host, port] = /^([A-Za-z0-9._-]+):(\d{1,5})$/.exec(text) ?? [];
  if (host !== undefined && Number(port) >= 1 && Number(port) <= 65_535) return `dns:${host}:${port}`;
  throw new PeerLabError('bad-request', { expected: 'an address as ip:port', got: JSON.stringify(text.slice(0, 80)) });
}
