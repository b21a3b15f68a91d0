import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { PeerLabError } from '#proto/errors.ts';

/**
 * WHO MAY ASK. A page of somebody else, open in the same browser, can send requests here, and can have its own name lead here (DNS
 * rebinding). So the name that was asked for must be one of ours, and so must the page that asks. Beyond this machine a token is
 * needed as well: once in the address, from then on as a cookie that no script and no other page can read.
 */

const COOKIE = 'peerlab';
/** A token that is shorter can be guessed. */
export const MIN_TOKEN_CHARS = 16;

export interface GateInit {
  /** Where it listens. */
  readonly host: string;
  /** This machine's own name. */
  readonly hostname: string;
  readonly token: string | undefined;
  /** It has names that are not known here, such as those of a service: then the token alone lets in. */
  readonly isBehindService?: boolean;
}

/** `loopback`, or an address of 127.0.0.0/8, or ::1. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

export class Gate {
  readonly #names: ReadonlySet<string>;
  readonly #isOpen: boolean;
  readonly #isBehindService: boolean;
  readonly #token: Buffer | undefined;

  constructor({ host, hostname, token, isBehindService = false }: GateInit) {
    this.#isBehindService = isBehindService && token !== undefined;
    this.#isOpen = isLoopback(host);
    this.#names = new Set(['localhost', host.toLowerCase(), ...(this.#isOpen ? [] : [hostname.toLowerCase()])]);
    this.#token = token === undefined ? undefined : digest(token);
  }

  /**
   * Lets a request in.
   * @returns a cookie to set, when the token came in the address: it should not stay there
   * @throws PeerLabError `foreign-request`, `unauthorized`
   */
  admit({ headers }: IncomingMessage, url: URL): string | undefined {
    const asked = headers.host ?? '';
    if (!this.#isBehindService && !this.#isOurs(asked))
      throw new PeerLabError('foreign-request', { about: 'Host', got: asked.slice(0, 80) });
    const { origin } = headers;
    if (origin !== undefined && origin !== `http://${asked}`)
      throw new PeerLabError('foreign-request', { about: 'Origin', got: origin.slice(0, 80) });
    if (!this.#token) return undefined;
    const given = url.searchParams.get('token');
    if (given !== null && this.#isRight(given))
      return `${COOKIE}=${encodeURIComponent(given)}; Path=/; HttpOnly; SameSite=Strict`;
    if (given === null && this.#isRight(cookieOf(headers.cookie) ?? bearerOf(headers.authorization) ?? ''))
      return undefined;
    throw new PeerLabError('unauthorized');
  }

  /** Addresses can't be rebound: names alone lead to where their owner wants. */
  #isOurs(asked: string): boolean {
    const [, name = ''] = /^(\[[0-9a-f:.]+\]|[^:[\]]+)(?::\d{1,5})?$/i.exec(asked) ?? [];
    const bare = name.replace(/^\[|\]$/g, '').toLowerCase();
    if (isIP(bare) === 0) return this.#names.has(bare);
    return this.#isOpen ? isLoopback(bare) : true;
  }

  /** Digests are compared, so that neither the length nor a common beginning of the token shows in the time taken. */
  #isRight(given: string): boolean {
    return this.#token !== undefined && timingSafeEqual(digest(given), this.#token);
  }
}

function cookieOf(header: string | undefined): string | undefined {
  const value = header?.split(/;\s*/).find((part) => part.startsWith(`${COOKIE}=`));
  try {
    return value && decodeURIComponent(value.slice(COOKIE.length + 1));
  } catch {
    return undefined;
  }
}

function bearerOf(header: string | undefined): string | undefined {
  return /^Bearer (\S{1,4096})$/i.exec(header ?? '')?.[1];
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
