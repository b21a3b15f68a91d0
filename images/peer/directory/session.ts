import type { DirectoryApi, Found, SearchBy } from '#base/directory-client.ts';
import type { Logger } from '#base/logger.ts';
import { addressText } from '#proto/addresses.ts';
import type { IndexEntry, PeerLoad, SharedFile } from '#proto/directory-api.ts';
import { PeerLabError, toPeerLabError } from '#proto/errors.ts';
import { heartbeatMs } from '#proto/lease.ts';
import { type FoundNear, notDialledText } from './dialling.ts';

export interface DirectorySessionInit {
  readonly api: DirectoryApi;
  readonly user: string;
  readonly password: string;
  /** Where other peers reach this one. */
  readonly address: { readonly ip: string; readonly port: number };
  readonly share: { readonly version: number; list(): SharedFile[] };
  readonly logger: Logger;
  /** Told whenever the lease is won or lost. */
  readonly onLease: (held: boolean) => void;
  /** Told what the directory gives for calls between peers. */
  readonly onTicket?: (given: { ticket?: string | undefined; ticketKey?: string | undefined }) => void;
  /** How busy this peer is, for the directory to know. */
  readonly load?: () => PeerLoad;
  /** Takes out of what was found whom this peer must not dial. */
  readonly diallable?: (found: Found) => FoundNear;
}

/** First wait after a heartbeat or a wanted login that failed; doubled each time, up to the usual interval or the longest wait. */
const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 15_000;

/**
 * This peer's place in the directory: logged in or not. While it is, the lease is renewed at a third of its length, what the share
 * holds is passed on, and a login that the directory has forgotten (it restarted; the peer slept) is made again.
 */
export class DirectorySession {
  readonly #init: DirectorySessionInit;
  #token: string | undefined;
  #heartbeatMs = 0;
  #leaseEndsAt = 0;
  #retryMs = FIRST_RETRY_MS;
  #timer: NodeJS.Timeout | undefined;
  /** Why the login that `loginWhenPossible` wants is not made yet. */
  #loginOwed: string | undefined;
  #loginUnderWay: Promise<{ leaseSeconds: number }> | undefined;
  #publishUnderWay: Promise<void> | undefined;
  #publishedVersion = -1;
  #closed = false;

  constructor(init: DirectorySessionInit) {
    this.#init = init;
  }

  /** Wants to be in the index, and was admitted; the lease may have lapsed since, unnoticed. */
  get isLoggedIn(): boolean {
    return this.#token !== undefined;
  }

  /** What keeps this peer from the login that it wants to make by itself; undefined where it wants none, or has made it. */
  get loginOwed(): string | undefined {
    return this.#loginOwed;
  }

  /**
   * Logs in, and tries again while the directory is away or refuses, with longer and longer waits: until it is done, or until `logout` or
   * `close`. A wrong password does not get right by trying: it is said, and stays the reason.
   */
  loginWhenPossible(): void {
    if (this.#closed) return;
    this.#loginOwed = 'not logged in yet';
    void this.#tryLogin(FIRST_RETRY_MS);
  }

  /** Logs in with the share's files, also when logged in already. Whoever asks at the same time gets the same answer. */
  login(): Promise<{ leaseSeconds: number }> {
    this.#loginUnderWay ??= this.#login().finally(() => {
      this.#loginUnderWay = undefined;
    });
    return this.#loginUnderWay;
  }

  /** Leaves the index. Without a login nothing happens. */
  async logout(): Promise<void> {
    await this.#loginUnderWay?.catch(() => {});
    const token = this.#token;
    this.#forget();
    if (token === undefined) return;
    await this.#init.api.logout(token).catch((error) => {
      // The directory forgot the login already: what was wanted is so.
      if (toPeerLabError(error).code !== 'unauthorized') throw error;
    });
  }

  /**
   * Makes sure that the directory knows the share as it is now. One request is under way at most; calls meanwhile share the
   * next one. Without a login nothing happens.
   */
  async publish(): Promise<void> {
    const wanted = this.#init.share.version;
    while (this.isLoggedIn && this.#publishedVersion < wanted) {
      this.#publishUnderWay ??= this.#publish().finally(() => {
        this.#publishUnderWay = undefined;
      });
      await this.#publishUnderWay;
    }
  }

  /** Every peer and what it has, those that are not dialled too. @throws PeerLabError `not-logged-in`, `directory-unreachable` */
  async index(signal?: AbortSignal): Promise<Omit<FoundNear, 'results'> & { peers: IndexEntry[] }> {
    const { peers, unverified } = await this.#authorized((token) => this.#init.api.index(token, signal));
    const all = [...peers, ...unverified.flatMap((name) => name.peers)].map((peer) => ({ ...peer, name: '' }));
    const { notDialled = [] } = this.#init.diallable?.({ results: [], unverified: [{ name: '', peers: all }] }) ?? {};
    return { peers, unverified, notDialled };
  }

  /** @throws PeerLabError `not-logged-in`, `directory-unreachable` */
  async search(by: SearchBy, signal?: AbortSignal): Promise<FoundNear> {
    const found = await this.#authorized((token) => this.#init.api.search(token, by, signal));
    const near = this.#init.diallable?.(found) ?? { ...found, notDialled: [] };
    if (near.notDialled.length > 0)
      this.#init.logger.warn({ reason: notDialledText(near.notDialled) }, 'sources left out');
    return near;
  }

  /**
   * Says that this peer fetches the content with this root, or not any more.
   * @returns others that do, `ip:port`; those that must not be dialled are left out
   */
  async swarm(root: string, fetching: boolean, signal?: AbortSignal): Promise<string[]> {
    const named = await this.#authorized((token) => this.#init.api.swarm(token, root, fetching, signal));
    const peers = named.map((peer) => ({ ...peer, name: '' }));
    const found = { results: [], unverified: [{ name: '', peers }] };
    const near = this.#init.diallable?.(found) ?? found;
    return near.unverified.flatMap((one) => one.peers.map(addressText));
  }

  /** Ends the session within `timeoutMs`, whatever the directory does. */
  async close(timeoutMs: number): Promise<void> {
    this.#closed = true;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, timeoutMs);
    await Promise.race([promise, this.logout().catch(() => {})]);
    clearTimeout(timer);
    this.#forget();
  }

  async #tryLogin(retryMs: number): Promise<void> {
    if (this.#loginOwed === undefined) return;
    await this.login().catch((error) => {
      if (this.#loginOwed === undefined) return;
      const { code, message } = toPeerLabError(error);
      this.#loginOwed = `not logged in yet: ${message}`;
      if (code === 'wrong-password') return void this.#init.logger.error({ code, reason: message }, 'not logged in');
      this.#init.logger.warn({ code, reason: message }, 'could not log in; trying again');
      // A whole class that waits for one directory does not come back in the same moment.
      const waitMs = retryMs * (0.5 + Math.random() / 2);
      this.#timer = setTimeout(() => void this.#tryLogin(Math.min(retryMs * 2, LONGEST_RETRY_MS)), waitMs).unref();
    });
  }

  async #login(): Promise<{ leaseSeconds: number }> {
    const { api, user, password, address, share } = this.#init;
    const version = share.version;
    const { token, leaseSeconds, ...given } = await api.login({ user, password, ...address, files: share.list() });
    this.#init.onTicket?.(given);
    this.#token = token;
    this.#loginOwed = undefined;
    this.#publishedVersion = version;
    this.#renewed(leaseSeconds);
    return { leaseSeconds };
  }

  async #publish(): Promise<void> {
    const version = this.#init.share.version;
    await this.#authorized((token) => this.#init.api.loadfiles(token, this.#init.share.list()));
    this.#publishedVersion = Math.max(version, this.#publishedVersion);
  }

  /** Does what needs a token; when the directory does not know it any more, logs in again, once. */
  async #authorized<T>(work: (token: string) => Promise<T>): Promise<T> {
    const token = this.#token;
    if (token === undefined) throw new PeerLabError('not-logged-in');
    try {
      return await work(token);
    } catch (error) {
      if (toPeerLabError(error).code !== 'unauthorized' || !this.isLoggedIn) throw error;
      if (this.#token === token) await this.#loginAgain();
      return work(this.#token ?? token);
    }
  }

  async #loginAgain(): Promise<void> {
    this.#init.onLease(false);
    this.#init.logger.info('the directory does not know this login any more; logging in again');
    await this.login().catch((error) => {
      if (toPeerLabError(error).code === 'wrong-password') this.#forget();
      throw error;
    });
  }

  async #heartbeat(): Promise<void> {
    const token = this.#token;
    if (token === undefined) return;
    try {
      const { leaseSeconds, ...given } = await this.#authorized((current) =>
        this.#init.api.heartbeat(current, this.#heartbeatMs, this.#init.load?.()),
      );
      this.#init.onTicket?.(given);
      if (!this.isLoggedIn) return;
      this.#renewed(leaseSeconds);
      await this.publish();
    } catch (error) {
      if (!this.isLoggedIn) return;
      const { code, message } = toPeerLabError(error);
      this.#init.logger.warn({ code, reason: message }, 'the lease could not be renewed; trying again');
      if (performance.now() > this.#leaseEndsAt) this.#init.onLease(false);
      this.#schedule(this.#retryMs);
      this.#retryMs = Math.min(this.#retryMs * 2, this.#heartbeatMs);
    }
  }

  #renewed(leaseSeconds: number): void {
    this.#heartbeatMs = heartbeatMs(leaseSeconds);
    this.#leaseEndsAt = performance.now() + leaseSeconds * 1000;
    this.#retryMs = Math.min(FIRST_RETRY_MS, this.#heartbeatMs);
    this.#init.onLease(true);
    this.#schedule(this.#heartbeatMs);
  }

  #schedule(delayMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#heartbeat(), delayMs).unref();
  }

  #forget(): void {
    clearTimeout(this.#timer);
    this.#loginOwed = undefined;
    this.#token = undefined;
    this.#publishedVersion = -1;
    this.#init.onLease(false);
  }
}
