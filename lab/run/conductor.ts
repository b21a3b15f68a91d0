import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { PeerLabError } from '#proto/errors.ts';
import { counted, parseByteRate } from '#proto/units.ts';
import type { Expectation } from '../checks/expectation.ts';
import type { Demand } from '../checks/verdict.ts';
import type { Driver, DriverInit, Instance } from '../drivers/driver.ts';
import type { Listener } from '../history/event-stream.ts';
import { directoryNames, type RunFacts } from '../history/events.ts';
import type { ResultsFolder } from '../history/results-folder.ts';
import type { EventOf } from '../history/run-event.ts';
import { hashContent } from '../language/content.ts';
import { ownProgramOf } from '../language/world.ts';
import { createLimit, inPool } from '../limit.ts';
import { describeMachine } from '../machine/description.ts';
import { cpuPressure } from '../machine/pressure.ts';
import { Scraper } from '../metrics/scraper.ts';
import { type Plan, placesOf } from '../scenario/plan.ts';
import { contentIdentity } from '../scenario/shares.ts';
import { listsInside, type PlannedStep } from '../steps/step.ts';
import { RunClock } from './clock.ts';
import { Disturbances } from './disturbances.ts';
import { type Stage, take } from './execute.ts';
import { seeOff } from './goodbyes.ts';
import { endsListings, IndexLook } from './index-look.ts';
import { Live } from './live.ts';
import { Measurement } from './measurement.ts';
import { MeetingPoints } from './meeting-points.ts';
import { PieceLook } from './piece-look.ts';
import { Recorder } from './recorder.ts';
import { byHost, Roster } from './roster.ts';
import { Standings } from './standings.ts';

const READS_AT_A_TIME = 4;
/** Operations that the lab has under way at one time, whatever the scenario says: a bound on its sockets. */
const MAX_UNDER_WAY = 512;
const ABORT_CHECK_MS = 1000;

export interface RunInit {
  readonly runId: string;
  readonly plan: Plan;
  /** The run that this one is to be compared with. */
  readonly baseline?: RunFacts['baseline'];
  readonly driver: (told: Pick<DriverInit, 'onKill' | 'onTrouble'>) => Driver;
  readonly folder: ResultsFolder;
  /** Who follows the run. */
  readonly listeners?: readonly Listener[];
  /** Called when the run can be reported, however it ends, and before anything is made that would outlive the lab. */
  readonly beforeMaking: () => void;
  /** Fires when the run should end early; it is still cleaned up and reported. */
  readonly signal: AbortSignal;
}

/** Leads one run, from its first instance to its last record: what comes when, and when it is over. */
export class Conductor {
  readonly #init: RunInit;
  readonly #driver: Driver;
  readonly #clock = new RunClock();
  readonly #recorder: Recorder;
  readonly #roster: Roster;
  readonly #disturbances: Disturbances;
  readonly #scraper: Scraper;
  readonly #pieceLook: PieceLook;
  readonly #measurement = new Measurement();
  readonly #indexLook: IndexLook;
  readonly #live: Live;
  readonly #meetings: MeetingPoints;
  readonly #controlToken = randomBytes(24).toString('base64url');
  /** Fires when an expectation is broken that ends the run. */
  readonly #broken = new AbortController();
  /** SHA-256 of what the shares are made from, by its identity. */
  readonly #hashes = new Map<string, string>();
  /** Who was logged in, without a fault, when the run closed. */
  #present: readonly Instance[] = [];
  #completed = false;
  #ending = false;
  #ids = 0;

  constructor(init: RunInit) {
    const { folder, plan, listeners = [] } = init;
    this.#init = init;
    const driver = init.driver({
      onKill: (instance, graceMs) => this.#tellKill(instance, graceMs),
      onTrouble: (error) => this.trouble(error),
    });
    this.#driver = driver;
    this.#recorder = new Recorder({ folder, clock: this.#clock, run: runOf(init, driver), listeners });
    this.#scraper = new Scraper((instance, text, values) => this.#recorder.scraped(instance, text, values));
    this.#meetings = new MeetingPoints(plan.steps);
    this.#live = new Live({
      figures: [...liveDemands(plan), ...expectationsIn(plan.steps)].map(({ figure }) => figure),
      peers: plan.peers,
      now: () => this.#clock.now(),
      scrape: (isMeant) => this.#scraper.scrapeNow(isMeant),
      dropped: (why) => this.trouble(new PeerLabError('internal', { about: 'the running figures', got: why })),
    });
    this.#recorder.follow(this.#live);
    this.#recorder.follow(new Standings(plan.demands, plan.peers, (event) => this.#recorder.tell(event)));
    this.#roster = new Roster({
      ...{ plan, driver, controlToken: this.#controlToken },
      hashOf: (content) => this.#hashes.get(contentIdentity(content)),
      tell: (event) => this.#recorder.tell(event),
      entered: (instance) => {
        this.#meetings.comeBack(instance.name);
        this.#scraper.add(instance);
      },
      arrived: (instance) => this.#disturbances.arrived(instance),
      left: (name) => this.#meetings.leave(name),
    });
    this.#indexLook = this.#makeLook();
    this.#pieceLook = new PieceLook({
      ...{ peers: this.#roster.peers, controlToken: this.#controlToken, tell: this.#recorder.record },
    });
    this.#recorder.follow(this.#pieceLook);
    this.#disturbances = new Disturbances({
      ...{ driver, roster: this.#roster, scraper: this.#scraper, clock: this.#clock },
      tell: this.#recorder.record,
      signal: this.#stageSignal,
    });
  }

  trouble(error: unknown): void {
    this.#recorder.trouble(error);
  }

  async setUp(): Promise<void> {
    const { plan, signal } = this.#init;
    this.#phase('Prepare');
    await this.#driver.prepare((text) => this.#recorder.tell({ kind: 'note', text }));
    this.#tellArtifacts();
    this.#phase('Make the files of the shares');
    await this.#recordShares();
    this.#phase('Start the directory');
    await this.#roster.startDirectory();
    const first = plan.peers.filter(({ later }) => !later);
    this.#phase(startsText(first.length, byHost(first).size), first.length);
    await this.#roster.startAll(first, signal);
    this.#recorder.tell({ kind: 'phase-ended' });
    this.#recorder.save();
    this.#scraper.start();
    this.#pieceLook.start();
  }

  async takeSteps(): Promise<void> {
    const { plan, signal } = this.#init;
    this.#clock.beginSteps();
    await this.#recorder.record({ kind: 'steps-began', setupSeconds: this.#clock.setupSeconds });
    this.#measurement.begin();
    const stage = this.#stage();
    const guard = this.#guard();
    guard.catch(() => {}); // What goes wrong in it is thrown where it is waited for.
    for (const step of plan.steps) {
      if (endsListings(step)) await this.#indexLook.look();
      await take(step, stage);
      this.#recorder.save();
    }
    for (const demand of plan.demands) {
      if (demand.withinMs === undefined || stage.signal.aborted) continue;
      const observation = await this.#live.observe(demand, demand.withinMs, 'end', stage.signal);
      await this.#recorder.record({ kind: 'observation', observation });
    }
    await this.#indexLook.look();
    this.#ending = true;
    await guard;
    this.#endSteps();
    this.#measurement.end();
    signal.throwIfAborted();
    this.#phase('Collect the last figures');
    await this.#pieceLook.finish();
    await this.#scraper.finish();
    const { directories, peers } = this.#roster;
    await this.#measurement.measure(directories, peers.values(), this.#scraper.peerMemoryBytesMax);
    this.#recorder.tell({ kind: 'phase-ended' });
  }

  /** What lies in every share at the end, read from the disk: of peers that were stopped, too. */
  async readDisks(): Promise<void> {
    const { signal } = this.#init;
    const peers = this.#roster.withShares();
    this.#phase('Read the disks', peers.length);
    const { record } = this.#recorder;
    const read = async (peer: (typeof peers)[number]) => {
      for await (const { name, sizeBytes: size, sha256, kind } of peer.storedFiles()) {
        signal.throwIfAborted();
        await record({ kind: 'file-stored', file: { peer: peer.name, name, size, sha256, ...(kind && { kind }) } });
      }
      await record({ kind: 'disk-read', instance: peer.name });
    };
    // Peers of one host all at once: their driver may read them together.
    await inPool(byHost(peers).values(), READS_AT_A_TIME, async (some) => void (await Promise.all(some.map(read))));
    this.#completed = !this.#broken.signal.aborted;
    this.#recorder.tell({ kind: 'phase-ended' });
  }

  /** Nothing is asked for any more; from here on, instances that end were asked to. */
  async close(): Promise<void> {
    this.#ending = true;
    // An instance whose end caused the last failures may be a moment away from being noticed.
    await sleep(0);
    this.#roster.close();
    this.#endSteps();
    // Before faults are undone: who has one, or a directory that has one, may not be able to say or hear a goodbye.
    this.#present = this.#indexLook.atTheEnd();
    for (const end of [() => this.#pieceLook.finish(), () => this.#scraper.finish(), () => this.#disturbances.close()])
      await end().catch((error) => this.trouble(error));
    const { stallSeconds, resources } = this.#measurement;
    this.#recorder.tell({ kind: 'measured', stallSeconds: this.#clock.stepsBegan ? stallSeconds : 0, resources });
    this.#tellArtifacts();
  }

  /** Ends and removes everything, and writes the last record. */
  async cleanUp(): Promise<RunFacts> {
    this.#phase('Clean up');
    await this.#seeOff().catch((error) => this.trouble(error));
    const leftovers = await this.#driver.end(true);
    this.#recorder.tell({ kind: 'phase-ended' });
    this.#recorder.tell({ kind: 'run-ended', completed: this.#completed, leftovers });
    await this.#recorder.close();
    return { ...this.#recorder.facts(), files: this.#init.folder.sizes() };
  }

  #makeLook(): IndexLook {
    const look = new IndexLook({
      directories: directoryNames(this.#init.plan.directoryReplicas),
      ...{ peers: this.#roster.peers, controlToken: this.#controlToken, signal: this.#stageSignal },
      now: () => this.#clock.now(),
      tell: this.#recorder.record,
    });
    this.#recorder.follow(look);
    return look;
  }

  async #seeOff(): Promise<void> {
    const { directories } = this.#roster;
    const { signal } = this.#init;
    if (!this.#completed || directories.length === 0 || signal.aborted) return;
    await seeOff({
      ...{ present: this.#present, directories, controlToken: this.#controlToken, signal },
      now: () => this.#clock.now(),
      tell: this.#recorder.record,
    });
  }

  #phase(what: string, total?: number): void {
    this.#recorder.tell({ kind: 'phase-began', what, ...(total !== undefined && { total }) });
  }

  #tellKill(instance: string, graceMs: number): void {
    this.#roster.killed(instance);
    const pressure = cpuPressure();
    this.#recorder.tell({
      ...{ kind: 'instance-killed', instance, graceSeconds: graceMs / 1000 },
      ...(pressure !== undefined && { cpuPressure: pressure }),
    });
  }

  #tellArtifacts(): void {
    const { artifacts, tested } = this.#driver;
    this.#recorder.tell({ kind: 'artifacts-known', artifacts: { ...artifacts }, tested: [...tested] });
  }

  #endSteps(): void {
    if (!this.#clock.endSteps()) return;
    this.#recorder.tell({ kind: 'steps-ended' });
  }

  /** Fires when no further step may begin. */
  get #stageSignal(): AbortSignal {
    return AbortSignal.any([this.#init.signal, this.#broken.signal]);
  }

  #stage(): Stage {
    return {
      peers: this.#roster.peers,
      addressOf: (name) => this.#roster.everStarted.get(name)?.address,
      controlToken: this.#controlToken,
      signal: this.#stageSignal,
      limit: createLimit(MAX_UNDER_WAY),
      live: this.#live,
      meetings: this.#meetings,
      startPeer: (name) => this.#roster.start(name),
      beforeLogout: (peer) => this.#indexLook.lookBefore(peer),
      inflict: (order) => this.#disturbances.inflict(order),
      heal: (name, of) => this.#disturbances.heal(name, of),
      now: () => this.#clock.now(),
      tell: this.#recorder.record,
      nextId: () => this.#ids++,
    };
  }

  /** Holds the expectations that end the run as soon as they are broken. */
  async #guard(): Promise<void> {
    const demands = this.#init.plan.demands.filter(({ abort }) => abort);
    if (demands.length === 0) return;
    while (!this.#ending && !this.#init.signal.aborted) {
      for (const demand of demands) {
        const observation = await this.#live.look(demand, 'abort');
        if (observation.ok !== false) continue;
        this.#recorder.tell({ kind: 'observation', observation });
        this.#broken.abort();
        return;
      }
      await sleep(ABORT_CHECK_MS, undefined, { signal: this.#init.signal }).catch(() => {});
    }
  }

  async #recordShares(): Promise<void> {
    const { plan, signal } = this.#init;
    const hashes = this.#hashes;
    for (const peer of plan.peers) {
      for (const { name, sizeBytes, content } of peer.share) {
        signal.throwIfAborted();
        const identity = contentIdentity(content);
        const sha256 = hashes.get(identity) ?? (await hashContent(content, sizeBytes));
        hashes.set(identity, sha256);
        const file = { peer: peer.name, name, size: sizeBytes, sha256 };
        await this.#recorder.record({ kind: 'share-recorded', file });
      }
    }
  }
}

/** What is known of the run before it begins. */
function runOf({ runId, plan, baseline }: RunInit, driver: Driver): Omit<EventOf<'run-began'>['run'], 'startedAt'> {
  const { name, description, knownFailure, seed, leaseMs, peersPerInstance, peers, leftOut, steps } = plan;
  const { directoryReplicas } = plan;
  return {
    ...{ runId, scenario: name, description, driver: driver.kind, seed, leaseSeconds: leaseMs / 1000 },
    machine: describeMachine(),
    ...(knownFailure !== undefined && { knownFailure }),
    ...(directoryReplicas > 1 && { directoryReplicas }),
    ...(peersPerInstance > 1 && { peersPerInstance }),
    ...(baseline && { baseline }),
    peers: peers.map((peer) => {
      const { name, group, host, diskBytes, env } = peer;
      const program = ownProgramOf(peer);
      const [up, down] = [env.PEER_UPLOAD_LIMIT, env.PEER_DOWNLOAD_LIMIT].map((rate = '') => parseByteRate(rate));
      return {
        ...{ name, group },
        ...(host !== undefined && { host }),
        ...(diskBytes !== undefined && { diskBytes }),
        ...(program !== undefined && { program }),
        ...(up !== undefined && { upBytesPerSecond: up }),
        ...(down !== undefined && { downBytesPerSecond: down }),
      };
    }),
    ...(leftOut.count > 0 && { leftOut: { count: leftOut.count, examples: [...leftOut.examples] } }),
    steps: placesOf(steps).map(({ id, label }) => ({ id, label, taken: false })),
  };
}

function startsText(peers: number, starts: number): string {
  const what = `Start ${counted(peers, 'peer')}`;
  return peers === starts ? what : `${what} in ${counted(starts, 'host')}`;
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
