import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { PeerLabError } from '#proto/errors.ts';
import type { Expectation } from '../checks/expectation.ts';
import type { Demand } from '../checks/verdict.ts';
import type { Driver, Instance, PeerSpec, ShareFile } from '../drivers/driver.ts';
import { type FaultOrder, Injector } from '../faults/injector.ts';
import { FAULTS } from '../faults/table.ts';
import {
  ALL,
  type AnswerRecord,
  DIRECTORY,
  type FaultKind,
  type FaultRecord,
  type FileRecord,
  type OperationEvent,
  type RunFacts,
} from '../history/events.ts';
import { LineWriter, type ResultsFolder } from '../history/results-folder.ts';
import { hashContent, openContent } from '../language/content.ts';
import type { PlannedPeer } from '../language/world.ts';
import { createLimit, inPool } from '../limit.ts';
import { Scraper } from '../metrics/scraper.ts';
import { type Plan, placesOf } from '../scenario/plan.ts';
import { contentIdentity } from '../scenario/shares.ts';
import { listsInside, type PlannedStep } from '../steps/step.ts';
import { executeStep, type Stage } from './execute.ts';
import { Live } from './live.ts';
import { Measurement } from './measurement.ts';
import { MeetingPoints } from './meeting-points.ts';
import type { Progress } from './progress.ts';

const STARTS_AT_A_TIME = 16;
const READS_AT_A_TIME = 4;
/** Operations that the lab has under way at one time, whatever the scenario says: a bound on its sockets. */
const MAX_UNDER_WAY = 512;
const ABORT_CHECK_MS = 1000;

export interface RunInit {
  readonly runId: string;
  readonly plan: Plan;
  readonly driver: Driver;
  readonly folder: ResultsFolder;
  readonly progress: Progress;
  /** Called when the run can be reported, however it ends, and before anything is made that would outlive the lab. */
  readonly beforeMaking: () => void;
  /** Fires when the run shall end early; it is cleaned up and reported all the same. */
  readonly signal: AbortSignal;
}

/** One run, from its first instance to its last record. */
export class Course {
  readonly #init: RunInit;
  readonly #began = performance.now();
  readonly #startedAt = new Date().toISOString();
  readonly #controlToken = randomBytes(24).toString('base64url');
  readonly #planned: ReadonlyMap<string, PlannedPeer>;
  /** Peers that run now, and the addresses and ends of all that ever did. */
  readonly #peers = new Map<string, Instance>();
  readonly #instances = new Map<string, Instance>();
  readonly #asked = new Set<Instance>();
  readonly #taken = new Set<string>();
  readonly #exits: RunFacts['exits'] = [];
  readonly #trouble: RunFacts['trouble'] = [];
  readonly #events: LineWriter<OperationEvent>;
  readonly #answers: LineWriter<AnswerRecord>;
  readonly #faults: LineWriter<FaultRecord>;
  readonly #injector: Injector;
  readonly #measurement = new Measurement();
  readonly #scraper: Scraper;
  readonly #live: Live;
  readonly #meetings: MeetingPoints;
  readonly #broken = new AbortController();
  #directory: Instance | undefined;
  #stepsBegan: number | undefined;
  #stepsEnded: number | undefined;
  #completed = false;
  #ending = false;
  #closed = false;
  #ids = 0;
  #operations = 0;

  constructor(init: RunInit) {
    const { folder, plan } = init;
    this.#init = init;
    this.#planned = new Map(plan.peers.map((peer) => [peer.name, peer]));
    this.#events = new LineWriter(folder.file('events.ndjson'));
    this.#answers = new LineWriter(folder.file('answers.ndjson'));
    this.#faults = new LineWriter(folder.file('faults.ndjson'));
    this.#injector = new Injector({
      driver: init.driver,
      now: () => this.#now(),
      record: (fault) => this.#faults.append(fault),
      running: () => [...(this.#directory ? [this.#directory] : []), ...this.#peers.values()],
      isIn: (instance, scope) => this.#isIn(instance, scope),
    });
    this.#scraper = new Scraper(folder);
    this.#meetings = new MeetingPoints(plan.steps);
    this.#live = new Live({
      figures: [...liveDemands(plan), ...expectationsIn(plan.steps)].map(({ figure }) => figure),
      peers: plan.peers,
      now: () => this.#now(),
      scrape: (isMeant) => this.#scraper.scrapeNow(isMeant),
    });
    this.#saveFacts();
  }

  trouble({ code, message }: PeerLabError): void {
    if (!this.#trouble.some((known) => known.message === message)) this.#trouble.push({ code, message });
  }

  async setUp(): Promise<void> {
    const { driver, plan, progress, signal } = this.#init;
    progress.begin('Prepare');
    await driver.prepare((what) => progress.note(what));
    progress.begin('Make the files of the shares');
    await this.#recordShares();
    progress.begin('Start the directory');
    const env = { ...plan.directoryEnv, DIRECTORY_LEASE: `${plan.leaseMs}ms` };
    this.#enter(await driver.startDirectory({ name: DIRECTORY, env }));
    const first = plan.peers.filter(({ later }) => !later);
    // One after another, for each host the peers that it carries.
    const starts = Map.groupBy(first, ({ name, host }) => host ?? name);
    progress.begin(startsText(first.length, starts.size));
    await inPool(starts, STARTS_AT_A_TIME, async ([host, peers]) => {
      signal.throwIfAborted();
      await this.#startPeers(host, peers);
      progress.advance(this.#peers.size, first.length);
    });
    progress.end();
    this.#saveFacts();
    this.#scraper.start();
  }

  async takeSteps(): Promise<void> {
    const { plan, progress, signal } = this.#init;
    this.#stepsBegan = performance.now();
    this.#measurement.begin();
    const stage = this.#stage();
    const guard = this.#guard();
    for (const [index, step] of plan.steps.entries()) {
      if (stage.signal.aborted) break;
      progress.begin(`Step ${index + 1}/${plan.steps.length}: ${step.label}`);
      const { done, failed } = await executeStep(step, stage, progress);
      this.#saveFacts();
      progress.end(done === 0 ? '' : `${done - failed} ok${failed > 0 ? `, ${failed} failed` : ''}`);
    }
    for (const demand of plan.demands) {
      if (demand.withinMs !== undefined && !stage.signal.aborted)
        await this.#live.observe(demand, demand.withinMs, 'end', stage.signal);
    }
    this.#ending = true;
    await guard;
    this.#stepsEnded = performance.now();
    this.#measurement.end();
    signal.throwIfAborted();
    progress.begin('Collect the last figures');
    await this.#scraper.finish();
    await this.#measurement.measure(this.#directory, this.#peers.values(), this.#scraper.peerMemoryBytesMax);
    progress.end();
  }

  /** What lies in every share at the end, read from the disk: of peers that were stopped, too. */
  async readDisks(): Promise<void> {
    const { progress, folder, signal } = this.#init;
    progress.begin('Read the disks');
    const peers = [...this.#instances.values()].filter(({ role }) => role === 'peer');
    const stored = new LineWriter<FileRecord>(folder.file('stored.ndjson'));
    let done = 0;
    try {
      const read = async (peer: Instance) => {
        for await (const { name, sizeBytes, sha256 } of peer.storedFiles()) {
          signal.throwIfAborted();
          await stored.append({ peer: peer.name, name, size: sizeBytes, sha256 });
        }
        progress.advance(++done, peers.length);
      };
      // Peers of one host all at once: their driver may read them together.
      const hosts = Map.groupBy(peers, ({ name, host }) => host ?? name);
      await inPool(hosts.values(), READS_AT_A_TIME, async (some) => void (await Promise.all(some.map(read))));
    } finally {
      await stored.close();
    }
    this.#completed = !this.#broken.signal.aborted;
    progress.end();
  }

  /** Nothing is asked for any more; from here on, instances that end were asked to. */
  async close(): Promise<void> {
    this.#ending = true;
    // An instance whose end caused the last failures may be a moment away from being noticed.
    await sleep(0);
    this.#closed = true;
    this.#stepsEnded ??= performance.now();
    const { trouble } = this;
    for (const end of [
      () => this.#scraper.finish(),
      () => this.#injector.close(),
      () => this.#faults.close(),
      () => this.#events.close(),
      () => this.#answers.close(),
    ]) {
      await end().catch((error) => trouble.call(this, error));
    }
  }

  facts(leftovers: string[]): RunFacts {
    const { plan, driver, runId } = this.#init;
    const now = performance.now();
    const began = this.#stepsBegan ?? now;
    return {
      runId,
      scenario: plan.name,
      description: plan.description,
      ...(plan.knownFailure !== undefined && { knownFailure: plan.knownFailure }),
      driver: driver.kind,
      seed: plan.seed,
      leaseSeconds: plan.leaseMs / 1000,
      startedAt: this.#startedAt,
      setupSeconds: (began - this.#began) / 1000,
      durationSeconds: this.#stepsBegan === undefined ? 0 : ((this.#stepsEnded ?? now) - began) / 1000,
      ...(plan.peersPerInstance > 1 && { peersPerInstance: plan.peersPerInstance }),
      peers: plan.peers.map((peer) => this.#peerFacts(peer)),
      planned: this.#operations,
      steps: placesOf(plan.steps).map(({ id, label }) => ({ id, label, taken: this.#taken.has(id) })),
      completed: this.#completed,
      observations: this.#live.observations,
      stallSeconds: this.#stepsBegan === undefined ? 0 : this.#measurement.stallSeconds,
      resources: { ...this.#measurement.resources },
      artifacts: { ...driver.artifacts },
      exits: this.#exits,
      trouble: this.#trouble,
      leftovers,
    };
  }

  /** So far, and as of a run that is cut off: should the lab be killed, they are what its report is made of. */
  #saveFacts(): void {
    try {
      this.#init.folder.writeFacts({ ...this.facts([]), completed: false });
    } catch (cause) {
      this.trouble(new PeerLabError('disk-full', { about: 'the results folder', cause }));
    }
  }

  #peerFacts({ name, group, host }: PlannedPeer): RunFacts['peers'][number] {
    const address = this.#instances.get(name)?.address;
    return { name, group, ...(host !== undefined && { host }), ...(address !== undefined && { address }) };
  }

  #now(): number {
    return this.#stepsBegan === undefined ? 0 : (performance.now() - this.#stepsBegan) / 1000;
  }

  /** Fires when no step shall be begun any more. */
  get #stageSignal(): AbortSignal {
    return AbortSignal.any([this.#init.signal, this.#broken.signal]);
  }

  #stage(): Stage {
    return {
      peers: this.#peers,
      addressOf: (name) => this.#instances.get(name)?.address,
      controlToken: this.#controlToken,
      signal: this.#stageSignal,
      limit: createLimit(MAX_UNDER_WAY),
      live: this.#live,
      meetings: this.#meetings,
      startPeer: (name) => this.#startPeer(name),
      befall: (order) => this.#befall(order),
      heal: (name, of) => this.#heal(name, of),
      now: () => this.#now(),
      record: async (event, answer) => {
        this.#live.add(event);
        await this.#events.append(event);
        if (answer) await this.#answers.append(answer);
      },
      plan: (operations) => {
        this.#operations += operations;
      },
      nextId: () => this.#ids++,
      taken: (id) => this.#taken.add(id),
    };
  }

  /** Holds the expectations that end the run as soon as they are broken. */
  async #guard(): Promise<void> {
    const demands = this.#init.plan.demands.filter(({ abort }) => abort);
    if (demands.length === 0) return;
    while (!this.#ending && !this.#init.signal.aborted) {
      for (const demand of demands) {
        const seen = await this.#live.look(demand, 'abort');
        if (seen.ok !== false) continue;
        this.#live.observations.push(seen);
        this.#broken.abort();
        return;
      }
      await sleep(ABORT_CHECK_MS, undefined, { signal: this.#init.signal }).catch(() => {});
    }
  }

  async #recordShares(): Promise<void> {
    const { plan, folder, signal } = this.#init;
    const hashes = new Map<string, string>();
    const shares = new LineWriter<FileRecord>(folder.file('shares.ndjson'));
    try {
      for (const peer of plan.peers) {
        for (const { name, sizeBytes, content } of peer.share) {
          signal.throwIfAborted();
          const identity = contentIdentity(content);
          const sha256 = hashes.get(identity) ?? (await hashContent(content, sizeBytes));
          hashes.set(identity, sha256);
          await shares.append({ peer: peer.name, name, size: sizeBytes, sha256 });
        }
      }
    } finally {
      await shares.close();
    }
  }

  async #startPeer(name: string): Promise<void> {
    await this.#welcome(await this.#init.driver.startPeer(this.#specOf(this.#planned.get(name) as PlannedPeer)));
  }

  /** @param host the name of the one that carries them, or of the peer that is by itself */
  async #startPeers(host: string, peers: readonly PlannedPeer[]): Promise<void> {
    if (peers[0]?.host === undefined) return this.#startPeer(host);
    const specs = peers.map((peer) => this.#specOf(peer));
    for (const instance of await this.#init.driver.startHost({ name: host, peers: specs }))
      await this.#welcome(instance);
  }

  #specOf(peer: PlannedPeer): PeerSpec {
    const share: ShareFile[] = peer.share.map(({ name, sizeBytes, content }) => ({
      name,
      sizeBytes,
      open: () => openContent(content, sizeBytes),
    }));
    const env = {
      PEER_USER: peer.user,
      PEER_PASSWORD: `password of ${peer.user}`,
      PEER_CONTROL_TOKEN: this.#controlToken,
      ...peer.env,
    };
    const { name, image, double, memoryBytes, cpus, diskBytes } = peer;
    return {
      name,
      env,
      directory: this.#directory as Instance,
      share,
      ...(image !== undefined && { image }),
      ...(double !== undefined && { double }),
      ...(memoryBytes !== undefined && { memoryBytes }),
      ...(cpus !== undefined && { cpus }),
      ...(diskBytes !== undefined && { diskBytes }),
    };
  }

  /** It takes part from now on, and is cut off by those faults that are in force and mean it. */
  async #welcome(instance: Instance): Promise<void> {
    this.#enter(instance);
    await this.#injector.arrived(instance.name);
  }

  /** The instance runs: it is asked, read and watched from now on. */
  #enter(instance: Instance): void {
    const { name, role } = instance;
    if (role === 'directory') this.#directory = instance;
    else {
      this.#peers.set(name, instance);
      this.#instances.set(name, instance);
      this.#meetings.comeBack(name);
    }
    this.#scraper.add(instance);
    this.#watch(instance);
  }

  /** Whether `scope` (all, directory, or a group) means the instance. */
  #isIn(instance: string, scope: string): boolean {
    return scope === ALL || scope === instance || this.#planned.get(instance)?.group === scope;
  }

  async #befall(order: FaultOrder): Promise<void> {
    const { who, fault, seconds } = order;
    const { kind } = fault;
    const instance = who === DIRECTORY ? this.#directory : this.#peers.get(who);
    if (instance) await this.#expectFault(instance, kind);
    const leftMs = await this.#injector.begin(order, instance);
    if (seconds === undefined) return;
    await sleep(leftMs, undefined, { signal: this.#stageSignal }).catch(() => {});
    await this.#heal(who, [kind]);
  }

  /** What follows from the fault is what the scenario wants: nobody waits for the instance, or takes its end for a surprise. */
  async #expectFault(instance: Instance, kind: FaultKind): Promise<void> {
    if (FAULTS[kind].befalls !== 'life') return;
    if (FAULTS[kind].ends) {
      this.#asked.add(instance);
      this.#peers.delete(instance.name);
      this.#meetings.leave(instance.name);
    }
    await this.#scraper.last(instance);
  }

  async #heal(name: string, of: readonly FaultKind[]): Promise<void> {
    for (const { kind, instance } of await this.#injector.end(name, (kind) => of.includes(kind))) {
      if (FAULTS[kind].ends) await this.#welcome(instance);
      else this.#scraper.add(instance);
    }
  }

  #watch(instance: Instance): void {
    void instance.ended.then((how) => {
      if (!this.#closed && !this.#asked.has(instance)) this.#exits.push({ instance: instance.name, how });
      this.#meetings.leave(instance.name);
    });
  }
}

function startsText(peers: number, starts: number): string {
  return peers === starts ? `Start ${peers} peers` : `Start ${peers} peers in ${starts} hosts`;
}

function liveDemands({ demands }: Plan): Demand[] {
  return demands.filter(({ withinMs, abort }) => withinMs !== undefined || abort);
}

/** What steps expect while the run goes on. */
function expectationsIn(steps: readonly PlannedStep[]): Expectation[] {
  return steps.flatMap((step) =>
    step.does === 'expect' ? [step.expectation] : listsInside(step).flatMap(expectationsIn),
  );
}
