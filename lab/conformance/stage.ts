import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseAddress } from '#proto/addresses.ts';
import type { ControlRequest, ControlResponse, ControlVerb } from '#proto/control-api.ts';
import { PeerLabError, reasonOf } from '#proto/errors.ts';
import { PROMISES } from '#proto/promises.ts';
import type { Called, CallWish } from '../doubles/calling.ts';
import type { Visit } from '../doubles/visits.ts';
import type { Driver, Instance, StoredFile } from '../drivers/driver.ts';
import { type ControlFailure, callControl, fetchMetrics, postJson } from '../instance-http.ts';
import { allOf, type KnownFile, OWN, shareOf, THEIRS } from './files.ts';
import { Broken, type Evidence, NotBrought, NotSeen } from './finding.ts';

/** Short, so that a peer that does not renew it is found out soon; and long enough for one that does, on a busy machine. */
export const LEASE_MS = 10_000;
/** One call of the wire; the files are small. */
const CALL_MS = 30_000;
/** An end of a program is told so late at most. */
const SETTLE_MS = 250;
/** How often the lab looks whether something has happened. */
const LOOK_MS = 100;
/** A look that comes this late says that the machine is busy: then nobody is blamed for being late. */
const BUSY_MS = 1000;

/** Whom the checks are for. */
interface Checked {
  readonly name?: string;
  readonly image?: string;
}

type Wish<M extends CallWish['call']['method']> = Omit<Extract<CallWish['call'], { method: M }>, 'method'>;
export type Answered<V extends ControlVerb> = { ok: ControlResponse<V> } | { failure: ControlFailure };

/**
 * What the checks play on: a directory, the prober (lab/doubles/prober.ts), and the peer that is checked, all on one driver. Whatever
 * goes wrong between the lab and these is `NotSeen`; only what the peer itself does is `Broken`.
 */
export class Stage {
  readonly #driver: Driver;
  readonly #signal: AbortSignal;
  readonly #name: string;
  readonly #image: string | undefined;
  #token = randomBytes(16).toString('hex');
  readonly #hung = new Set<ControlVerb>();
  #directory: Instance | undefined;
  #prober: Instance | undefined;
  #checked: Instance | undefined;
  #end: string | undefined;
  /** It did not get ready. */
  #flawOfStart: Broken | undefined;
  #loggedInMs: number | undefined;
  #firstMetrics: string | undefined;
  #flawOfFirst: string | undefined;

  /** @param peer another name, and another program than that of the driver, of the peer that is checked */
  constructor(driver: Driver, signal: AbortSignal, { name = 'checked', image }: Checked = {}) {
    this.#driver = driver;
    this.#signal = signal;
    this.#name = name;
    this.#image = image;
  }

  /** For another peer, with the same directory and the same prober. */
  for(peer: Checked): Stage {
    const other = new Stage(this.#driver, this.#signal, peer);
    other.#directory = this.#directory;
    other.#prober = this.#prober;
    other.#token = this.#token;
    return other;
  }

  /** The directory and the prober. @throws PeerLabError when the lab or the machine can't carry them */
  async setUp(): Promise<void> {
    this.#directory = await this.#driver.startDirectory({
      name: 'directory',
      env: { DIRECTORY_LEASE: `${LEASE_MS}ms` },
    });
    this.#prober = await this.#start('prober', { share: allOf(THEIRS), double: 'prober' });
    const answer = await this.#control(this.#prober, 'login', {}, PROMISES.login.ms);
    if ('failure' in answer)
      throw new PeerLabError('not-ready', { about: 'the prober', got: `no login: ${answer.failure.message}` });
  }

  /** The peer that is checked, anew if it has ended. @throws Broken when it does not get ready */
  async startChecked(): Promise<void> {
    if (this.#checked && this.#end === undefined) return;
    // It is tried once: each try may take a minute.
    if (this.#flawOfStart) throw this.#flawOfStart;
    const again = this.#checked;
    this.#end = undefined;
    const started = again
      ? this.#blamed('its next start', this.#driver.restart(again))
      : this.#blamed('its start', this.#startFirst());
    const checked = await started.catch((error) => {
      if (error instanceof Broken) this.#flawOfStart = error;
      throw error;
    });
    this.#checked = checked;
    this.#loggedInMs = undefined;
    void checked.ended.then((how) => {
      if (this.#checked === checked) this.#end = how;
    });
    this.#firstMetrics ??= await this.metrics().catch(() => undefined);
  }

  /** With a setting that no peer knows; where that is what keeps it from starting, without. */
  async #startFirst(): Promise<Instance> {
    const share = allOf(OWN);
    try {
      return await this.#start(this.#name, { share, env: { PEER_NO_SUCH_SETTING: 'of-no-use' } as object });
    } catch (error) {
      // One that is slow is no other without it, and what the machine or the lab did says nothing of the peer.
      if (!(error instanceof PeerLabError) || error.code !== 'instance-exited') throw error;
      const plain = await this.#start(`${this.#name}-plain`, { share });
      this.#flawOfFirst = reasonOf(error);
      return plain;
    }
  }

  /** Why it could only be started without a setting that it does not know. */
  get flawOfFirst(): string | undefined {
    return this.#flawOfFirst;
  }

  /** A second one, which is not open. */
  startClosed(name: string, files: readonly KnownFile[]): Promise<Instance> {
    return this.#blamed(
      'its start with PEER_OPEN=0',
      this.#start(`${this.#name}-${name}`, { share: files, env: { PEER_OPEN: '0' } }),
    );
  }

  get checked(): Instance {
    if (!this.#checked) throw new NotSeen('the peer did not get ready');
    return this.#checked;
  }

  get prober(): Instance {
    return this.#prober as Instance;
  }

  /** How the peer ended, if it did. */
  get end(): string | undefined {
    return this.#end;
  }

  /** What the peer told of itself when it was ready for the first time; undefined when that could not be read. */
  get firstMetrics(): string | undefined {
    return this.#firstMetrics;
  }

  /** When the peer logged in, on `performance.now()`. */
  get loggedInMs(): number | undefined {
    return this.#loggedInMs;
  }

  /** Gives the peer work. @throws NotBrought for a verb that it does not have; NotSeen when it hung in this verb before */
  async control<V extends ControlVerb>(
    verb: V,
    request: ControlRequest<V>,
    instance = this.checked,
  ): Promise<Answered<V>> {
    if (this.#hung.has(verb)) throw new NotSeen(`the peer did not answer \`${verb}\` before`);
    const answer = await this.#control(instance, verb, request, PROMISES[verb].ms);
    if ('failure' in answer) {
      const { code, message } = answer.failure;
      if (code === 'not-supported') throw new NotBrought(message);
      if (code === 'interrupted') throw new NotSeen(message);
      if (code === 'no-answer') this.#hung.add(verb);
      if (code === 'no-answer' || code === 'connection-lost')
        throw new Broken({ asked: asText(verb, request), expected: 'an answer', came: message });
    }
    if (verb === 'login' && instance === this.checked && 'ok' in answer) this.#loggedInMs = performance.now();
    return answer as Answered<V>;
  }

  /** As `control`, where a refusal breaks the rule. */
  async done<V extends ControlVerb>(
    verb: V,
    request: ControlRequest<V>,
    instance = this.checked,
  ): Promise<ControlResponse<V>> {
    const answer = await this.control(verb, request, instance);
    if ('ok' in answer) return answer.ok;
    const { code, message } = answer.failure;
    throw new Broken({ asked: asText(verb, request), expected: 'status 200', came: `${code}: ${message}` });
  }

  /** A call of the wire to the peer, made by the prober. */
  async call<M extends CallWish['call']['method']>(
    method: M,
    wish: Wish<M>,
    { ticket = 'own', to = this.checked.address }: { ticket?: CallWish['ticket']; to?: string } = {},
  ): Promise<Called> {
    const body = { address: to, ticket, timeoutMs: CALL_MS, call: { method, ...wish } } as unknown as CallWish;
    const told = (await this.#tell('/double/call', body)) as Called;
    // UNIMPLEMENTED is how a peer says that it has no such method.
    if (told.status === 12 && method !== 'DownloadFile') throw new NotBrought(`${method} is UNIMPLEMENTED`);
    return told;
  }

  /** How the prober serves from now on. */
  async behave(behaviour: Record<string, string>): Promise<void> {
    await this.#tell('/double/behaviour', behaviour);
  }

  /** Calls that were made to the prober while `work` went on. */
  async visitsDuring<T>(work: () => Promise<T>): Promise<{ value: T; visits: readonly Visit[] }> {
    const { count } = (await this.#tell('/double/visits', { since: 0 })) as { count: number };
    const value = await work();
    const { visits } = (await this.#tell('/double/visits', { since: count })) as { visits: Visit[] };
    return { value, visits };
  }

  /** What the directory lists of a peer, as the prober sees it; undefined when it lists no such peer. */
  async listed(address = this.checked.address) {
    const answer = await this.#control(this.prober, 'index', {}, PROMISES.index.ms);
    if ('failure' in answer) throw new NotSeen(`the directory's index could not be read: ${answer.failure.message}`);
    const at = parseAddress(address);
    const { peers } = answer.ok as ControlResponse<'index'>;
    return peers.find(({ ip, port }) => ip === at?.ip && port === at.port);
  }

  /** What lies in the share of the peer, from its disk. */
  async stored(instance = this.checked): Promise<StoredFile[]> {
    return this.#unblamed('read the share', Array.fromAsync(instance.storedFiles()));
  }

  /** @throws Broken when the share has the file not, or with another content */
  async mustHold({ name, sha256, content }: KnownFile, asked: string, instance = this.checked): Promise<void> {
    const found = (await this.stored(instance)).find((file) => file.name === name);
    if (found?.sha256 === sha256) return;
    const came = found ? `a file of ${found.sizeBytes} bytes with another content` : 'no such file in the share';
    throw new Broken({ asked, expected: `"${name}" with its ${content.length} bytes on the disk`, came });
  }

  metrics(): Promise<string> {
    return fetchMetrics(this.checked.url, PROMISES.metrics.ms, this.#signal);
  }

  /** One plain request to the control port, as no lab would make it. */
  async raw(method: string, path: string, headers: Record<string, string> = {}): Promise<number> {
    const init = { method, headers: { connection: 'close', ...headers }, ...(method === 'POST' && { body: '{}' }) };
    const signal = AbortSignal.any([this.#signal, AbortSignal.timeout(PROMISES.health.ms)]);
    const answer = await fetch(`${this.checked.url}${path}`, { ...init, signal });
    await answer.arrayBuffer();
    return answer.status;
  }

  get authorization(): Record<string, string> {
    return { authorization: `Bearer ${this.#token}`, 'content-type': 'application/json' };
  }

  /** Looks until it holds, for a promised time. @throws Broken when it did not; NotSeen when the machine was too busy to say */
  async within(ms: number, holds: () => Promise<boolean>, evidence: () => Evidence): Promise<void> {
    const began = performance.now();
    let slowest = 0;
    for (;;) {
      const looked = performance.now();
      if (await holds()) return;
      if (performance.now() - began > ms) break;
      await sleep(LOOK_MS, undefined, { signal: this.#signal });
      slowest = Math.max(slowest, performance.now() - looked);
    }
    if (slowest > BUSY_MS) throw new NotSeen(`the machine is busy: one look took ${(slowest / 1000).toFixed(1)} s`);
    throw new Broken(evidence());
  }

  /** Gives the end of a peer that has just ended the time to be told. */
  async settled(): Promise<void> {
    await Promise.race([this.#checked?.ended, sleep(SETTLE_MS)]);
  }

  /** Waits, unless the check is interrupted. */
  async pass(ms: number): Promise<void> {
    if (ms > 0) await sleep(ms, undefined, { signal: this.#signal });
  }

  #start(
    name: string,
    { share, env = {}, double }: { share: readonly KnownFile[]; env?: object; double?: 'prober' },
  ): Promise<Instance> {
    const own = { PEER_USER: name, PEER_PASSWORD: `password of ${name}`, PEER_CONTROL_TOKEN: this.#token };
    return this.#driver.startPeer({
      name,
      env: { PEER_OPEN: '1', ...own, ...env },
      directory: this.#directory as Instance,
      share: shareOf(share),
      ...(double ? { double } : this.#image !== undefined && { image: this.#image }),
    });
  }

  async #control<V extends ControlVerb>(instance: Instance, verb: V, request: object, timeoutMs: number) {
    return (await callControl({
      ...{ url: instance.url, token: this.#token, verb, request, timeoutMs },
      signal: this.#signal,
    })) as Answered<V>;
  }

  #tell(path: string, body: object): Promise<unknown> {
    const timeoutMs = CALL_MS + PROMISES.health.ms;
    return this.#unblamed('ask the prober', postJson(`${this.prober.url}${path}`, body, timeoutMs, this.#signal));
  }

  async #unblamed<T>(what: string, work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      throw new NotSeen(`the lab could not ${what}: ${reasonOf(error)}`, { cause: error });
    }
  }

  /** What the peer itself can do wrong at its start. */
  async #blamed<T>(asked: string, work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      if (!(error instanceof PeerLabError) || !['not-ready', 'instance-exited'].includes(error.code)) throw error;
      const expected = `\`GET /healthz\` to answer 200 within ${PROMISES.ready.ms / 1000} s`;
      if (error.code !== 'instance-exited') throw new Broken({ asked, expected, came: error.message });
      throw new Broken({ asked, expected, came: endOf(error), hint: ENDED });
    }
  }
}

const ENDED = 'The program ended by itself. Its last words say why; all of them are in logs/ of the results.';
/** Room for the last lines of a traceback, where the reason stands. */
const END_CHARS = 240;

/** That the program ended, and the end of what it said. */
function endOf({ message }: PeerLabError): string {
  const said = message.trim();
  return said.length <= END_CHARS ? said : `… ${said.slice(-END_CHARS).replace(/^\S*\s+/, '')}`;
}

function asText(verb: ControlVerb, request: object): string {
  return `POST /control/${verb} ${JSON.stringify(request)}`;
}
