import { createWriteStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PeerLabError, reasonOf } from '#proto/errors.ts';
import { PROMISES } from '#proto/promises.ts';
import { KeeperClient } from '../../keeper/client.ts';
import { createLimit, inPool } from '../../limit.ts';
import type { DirectorySpec, Driver, DriverInit, Instance, PeerSpec } from '../driver.ts';
import { KeptInstance } from '../kept/kept-instance.ts';
import { Place } from '../kept/place.ts';
import { untilItAnswers } from '../kept/until-it-answers.ts';
import type { Tested } from '../program.ts';
import { waitUntilHealthy } from '../readiness.ts';
import { stopOrKill, Works } from '../works.ts';
import { standingCapabilities } from './capabilities.ts';
import { accountOf, type StandingSettings, standingSettings } from './settings.ts';
import { standingDirectory } from './standing-directory.ts';
import { findKeepers } from './survey.ts';
import { whereabouts } from './whereabouts.ts';

const STARTS_AT_ONCE = 16;
const PLACES_AT_ONCE = 32;
const SETTLE_TIMEOUT_MS = 10_000;
const LOG_TIMEOUT_MS = 60_000;
/** A peer that was given back, with the settings of its pod. */
const STANDS_AGAIN_MS = 20_000;
/** For each of these, when the end of the run must be quick. */
const HURRY_MS = 3000;

export function createStandingDriver(init: DriverInit, settings = standingSettings()): Driver {
  return new StandingDriver(init, settings);
}

/**
 * A run with a directory and peers that stand already, such as the pods of a cluster. All their keepers are held for it, those that the
 * plan has no peer for as well: their peers are ended, so that the directory's index is that of the run. At the end each gets back what it had.
 */
class StandingDriver implements Driver {
  readonly kind = 'standing';
  readonly tested: Tested[] = [];
  artifacts: Record<string, string> = {};
  readonly #init: DriverInit;
  readonly #settings: StandingSettings;
  readonly #limit = createLimit(STARTS_AT_ONCE);
  /** All keepers that were asked for a hold, and those who gave it. */
  #asked: readonly string[] = [];
  readonly #places: Place[] = [];
  readonly #taken = new Map<Place, KeptInstance[]>();
  readonly #works: Works;
  readonly #closing = new AbortController();
  readonly #hurry = new AbortController();
  readonly #over = new AbortController();
  readonly #signal: AbortSignal;
  #ending: Promise<string[]> | undefined;

  constructor(init: DriverInit, settings: StandingSettings) {
    this.#init = init;
    this.#settings = settings;
    this.#signal = AbortSignal.any([init.signal, this.#closing.signal]);
    this.#works = new Works(this.#signal);
  }

  prepare(report: (what: string) => void): Promise<void> {
    return this.#works.begin(async () => {
      const { directory, token } = this.#settings;
      const urls = await findKeepers(this.#settings, this.#signal);
      report(`holding the ${urls.length} peers that stand here`);
      this.#asked = urls;
      await inPool(urls.entries(), PLACES_AT_ONCE, async ([index, url]) => {
        this.#places[index] = await Place.take({ url, token, runId: this.#init.runId }, this.#signal);
      });
      await Promise.all(this.#places.map((place) => place.clear(this.#signal)));
      const program = this.#places[0]?.state.command.join(' ') ?? '';
      this.artifacts = { directory: `stands at ${directory}`, peer: program };
      this.tested.push({ role: 'directory', name: `what stands at ${directory}` }, { role: 'peer', name: program });
    });
  }

  startDirectory({ name }: DirectorySpec): Promise<Instance> {
    return this.#works.begin(async () => {
      const { directory: url } = this.#settings;
      const timeoutMs = this.#init.readyTimeoutMs ?? PROMISES.ready.ms;
      await waitUntilHealthy(`${url}/healthz`, name, timeoutMs, this.#signal, new AbortController().signal);
      return standingDirectory(name, url);
    });
  }

  startPeer(spec: PeerSpec): Promise<Instance> {
    return this.#works.begin(async () => {
      refuse(spec, this.#init);
      const place = this.#placeFor(spec.name);
      return this.#limit(async () => {
        await place.lay([{ path: '', files: spec.share }], this.#signal);
        // Who logs in at what time is the scenario's matter.
        const env = { PEER_LOGIN: '0', ...spec.env, PEER_DIRECTORY_URL: spec.directory.address };
        return this.#live(spec.name, place, env, true);
      });
    });
  }

  async startHost(): Promise<Instance[]> {
    throw notCapable('hosts', standingCapabilities({ peers: 0 }).hosts(2));
  }

  restart(instance: Instance): Promise<Instance> {
    return this.#works.begin(async () => {
      if (!(instance instanceof KeptInstance))
        throw notCapable(instance.name, standingCapabilities({ peers: 0 })['directory-faults'](''));
      const { name, place, env } = instance.init;
      if (!instance.gone.aborted)
        throw new PeerLabError('internal', { about: name, expected: 'its end before a restart' });
      return this.#limit(() => this.#live(name, place, env, false));
    });
  }

  accountOf(user: string): { user: string; password: string } {
    return accountOf(this.#settings.token, user);
  }

  end(orderly: boolean): Promise<string[]> {
    if (!orderly) this.#hurry.abort();
    this.#ending ??= this.#end().catch((error) => [`the end of the run failed: ${reasonOf(error)}`]);
    return this.#ending;
  }

  /** Starts the program at a place, and waits until it answers. */
  async #live(
    name: string,
    place: Place,
    env: Readonly<Record<string, string>>,
    freshLog: boolean,
  ): Promise<KeptInstance> {
    const life = await place.start(env, freshLog, this.#signal);
    const instance = new KeptInstance({
      ...{ name, role: 'peer', ...whereabouts(place), place, life, env, signal: this.#over.signal },
      onKill: (graceMs) => this.#init.onKill?.(name, graceMs),
    });
    this.#taken.get(place)?.push(instance);
    await untilItAnswers(instance, this.#init.readyTimeoutMs ?? PROMISES.ready.ms, this.#signal);
    return instance;
  }

  /** That of its name in the plan; without a plan, the next free one. */
  #placeFor(name: string): Place {
    const at = this.#init.peers?.indexOf(name) ?? -1;
    const place = at >= 0 ? this.#places[at] : this.#places.find((some) => !this.#taken.has(some));
    if (!place)
      throw notCapable(name, standingCapabilities({ peers: this.#places.length }).peers(this.#places.length + 1));
    this.#taken.set(place, []);
    return place;
  }

  async #end(): Promise<string[]> {
    this.#closing.abort();
    await this.#works.settled(SETTLE_TIMEOUT_MS);
    const left: string[] = [];
    await inPool(this.#places.filter(Boolean), PLACES_AT_ONCE, async (place) => {
      const lives = this.#taken.get(place) ?? [];
      const last = lives.at(-1);
      if (last) await stopOrKill(last, this.#hurry.signal);
      if (lives[0]) await this.#saveLog(lives[0].name, place);
      const flaw = await this.#giveBack(place);
      if (flaw !== undefined) left.push(`${lives[0]?.name ?? 'a peer'} at ${place.url}: ${flaw}`);
    });
    await this.#forgetUnheld();
    this.#over.abort();
    return left.sort();
  }

  /** Whoever was just being asked when the run was interrupted may have given the hold. */
  async #forgetUnheld(): Promise<void> {
    const { token } = this.#settings;
    const urls = this.#asked.filter((_, index) => this.#places[index] === undefined);
    await inPool(urls, PLACES_AT_ONCE, async (url) => {
      const client = new KeeperClient({ url, token, by: this.#init.runId });
      await client.ask('release', {}, AbortSignal.timeout(HURRY_MS)).catch(() => {});
    });
  }

  async #saveLog(name: string, place: Place): Promise<void> {
    const file = join(this.#init.logsDir, `${name}.log`);
    await place.client.log(createWriteStream(file), this.#patience(LOG_TIMEOUT_MS)).catch(async (error) => {
      await writeFile(file, `(the log could not be fetched: ${reasonOf(error)})\n`).catch(() => {});
    });
  }

  /** @returns why the peer does not stand as it did */
  async #giveBack(place: Place): Promise<string | undefined> {
    try {
      await place.release(AbortSignal.timeout(2 * PROMISES.end.ms));
      const healthz = `${place.url}/healthz`;
      // Who is in a hurry does not wait for it.
      if (!this.#hurry.signal.aborted)
        await waitUntilHealthy(
          healthz,
          'its program',
          STANDS_AGAIN_MS,
          this.#patience(2 * STANDS_AGAIN_MS),
          this.#hurry.signal,
        );
      return undefined;
    } catch (error) {
      return this.#hurry.signal.aborted && !isOurs(error) ? undefined : reasonOf(error);
    }
  }

  /** So long; less when the end must be quick. */
  #patience(ms: number): AbortSignal {
    const patience = new AbortController();
    const timer = setTimeout(() => patience.abort(), ms);
    const hurry = () => {
      clearTimeout(timer);
      setTimeout(() => patience.abort(), Math.min(ms, HURRY_MS)).unref();
    };
    if (this.#hurry.signal.aborted) hurry();
    else this.#hurry.signal.addEventListener('abort', hurry, { once: true });
    timer.unref();
    return patience.signal;
  }
}

function isOurs(error: unknown): boolean {
  return error instanceof PeerLabError && error.code !== 'interrupted';
}

/** @throws PeerLabError `not-capable` */
function refuse({ name, image, double, memoryBytes, cpus, diskBytes }: PeerSpec, { peerImage }: DriverInit): void {
  const can = standingCapabilities({ peers: 0 });
  const lack =
    ((image ?? peerImage) !== undefined && can['own-peer']('')) ||
    (double !== undefined && can.double(double)) ||
    (memoryBytes !== undefined && can['memory-limit'](memoryBytes)) ||
    (cpus !== undefined && can['cpu-limit'](cpus)) ||
    (diskBytes !== undefined && can['disk-limit'](diskBytes));
  if (lack) throw notCapable(name, lack);
}

function notCapable(about: string, lack: ReturnType<ReturnType<typeof standingCapabilities>['hosts']>): PeerLabError {
  return new PeerLabError('not-capable', { about, got: lack ? `${lack.why}; ${lack.help}` : '' });
}
