import type { KeyObject } from 'node:crypto';
import * as grpc from '@grpc/grpc-js';
import { parseAddress } from '#proto/addresses.ts';
import { PeerLabError } from '#proto/errors.ts';
import { isLoopback, type Networks } from '#proto/networks.ts';
import {
  CLOCK_LEEWAY_SECONDS,
  readTicket,
  secondsOver,
  TICKET_METADATA,
  type TicketClaims,
  ticketKey,
} from '#proto/ticket.ts';
import { callerIp } from '../server/caller.ts';

/** Keys that tickets may be signed with: the directory's, and the one before, while peers still show tickets of that. */
const MAX_KEYS = 2;
/** Tickets that were found right are not checked once more: a signature costs as much as a small transfer. */
const MAX_REMEMBERED = 1000;

export interface TicketBookInit {
  /** Takes calls of anybody. */
  readonly open: boolean;
  /** Addresses from which calls may come with the tickets of others: behind address translation they do. */
  readonly trusted: Networks | undefined;
}

interface Call {
  readonly metadata: grpc.Metadata;
  getPeer(): string;
}

function ticketIn({ metadata }: Call): string | undefined {
  const [value] = metadata.get(TICKET_METADATA);
  return /^Bearer (\S{1,4096})$/.exec(String(value ?? ''))?.[1];
}

/** This peer's own ticket, and its opinion on those that others show. */
export class TicketBook {
  readonly #init: TicketBookInit;
  #own: string | undefined;
  readonly #keys = new Map<string, KeyObject>();
  readonly #known = new Map<string, TicketClaims>();
  /** What the directory's clock said last, and when that was by the one here that never jumps. */
  #clock: { readonly dateMs: number; readonly heardAtMs: number } | undefined;

  constructor(init: TicketBookInit) {
    this.#init = init;
  }

  /** What the directory gave at login or heartbeat; one of another kind gives nothing. */
  learn(given: { readonly ticket?: string | undefined; readonly ticketKey?: string | undefined }): void {
    this.#own = given.ticket ?? this.#own;
    const text = given.ticketKey;
    const key = text === undefined || this.#keys.has(text) ? undefined : ticketKey(text);
    if (text === undefined || !key) return;
    this.#keys.set(text, key);
    const [oldest] = this.#keys.keys();
    if (this.#keys.size > MAX_KEYS && oldest !== undefined) this.#keys.delete(oldest);
    this.#known.clear();
  }

  /** The directory's clock, by which it signs tickets: in milliseconds since 1970, as of now. */
  hear(dateMs: number): void {
    this.#clock = { dateMs, heardAtMs: performance.now() };
  }

  get hasOwn(): boolean {
    return this.#own !== undefined;
  }

  /** Shows this peer's ticket with every call of a client. */
  readonly interceptor: grpc.Interceptor = (options, next) =>
    new grpc.InterceptingCall(next(options), {
      start: (metadata, listener, start) => {
        if (this.#own !== undefined) metadata.set(TICKET_METADATA, `Bearer ${this.#own}`);
        start(metadata, listener);
      },
    });

  /** @throws PeerLabError `ticket-refused`, unless the caller may have what it wants */
  admit(call: Call): void {
    if (this.#init.open) return;
    const refusal = (got: string) => new PeerLabError('ticket-refused', { got });
    if (this.#keys.size === 0) throw refusal('none that could be checked: this peer has not been logged in yet');
    const ticket = ticketIn(call);
    if (ticket === undefined) throw refusal('none');
    const claims = this.#claimsOf(ticket);
    if (!claims) throw refusal('one that the directory has not signed');
    const over = secondsOver(claims, this.#nowSeconds());
    if (over > 0) throw refusal(`one that ended ${Math.round(over)} s ago by ${this.#whoseClock()}`);
    const from = callerIp(call);
    if (from === undefined || !this.#isFrom(from, claims)) {
      throw refusal(`the ticket of another address, from ${from ?? 'nowhere'}`);
    }
  }

  /** The address in the caller's ticket, which this peer may dial: undefined without a ticket that is right. */
  vouched(call: Call): string | undefined {
    const ticket = ticketIn(call);
    const claims = ticket === undefined ? undefined : this.#claimsOf(ticket);
    const from = callerIp(call);
    if (!claims || from === undefined || secondsOver(claims, this.#nowSeconds()) > 0) return undefined;
    return this.#isFrom(from, claims) ? claims.addr : undefined;
  }

  #claimsOf(ticket: string): TicketClaims | undefined {
    const known = this.#known.get(ticket);
    if (known) return known;
    const claims = readTicket(ticket, [...this.#keys.values()]);
    if (!claims) return undefined;
    this.#known.set(ticket, claims);
    const [oldest] = this.#known.keys();
    if (this.#known.size > MAX_REMEMBERED && oldest !== undefined) this.#known.delete(oldest);
    return claims;
  }

  /** By the directory's clock where it is known: neither a jump of this machine's clock nor a wrong one refuses anybody. */
  #nowSeconds(): number {
    if (!this.#clock) return Date.now() / 1000;
    const { dateMs, heardAtMs } = this.#clock;
    return (dateMs + performance.now() - heardAtMs) / 1000;
  }

  #whoseClock(): string {
    if (!this.#clock) return "this peer's clock; what the directory's says is not known";
    const ahead = Math.round(Date.now() / 1000 - this.#nowSeconds());
    const isOff = Math.abs(ahead) >= CLOCK_LEEWAY_SECONDS;
    const own = isOff ? `; this peer's clock is ${Math.abs(ahead)} s ${ahead > 0 ? 'ahead of' : 'behind'} it` : '';
    return `the directory's clock${own}`;
  }

  /** A machine has many addresses for itself, and a call from it carries any of them. */
  #isFrom(from: string, { addr }: TicketClaims): boolean {
    const ip = parseAddress(addr)?.ip;
    if (ip === undefined) return false;
    return ip === from || (isLoopback(ip) && isLoopback(from)) || this.#init.trusted?.has(from) === true;
  }
}
