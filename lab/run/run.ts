import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { toPeerLabError } from '#proto/errors.ts';
import type { Driver, Instance, ShareFile } from '../drivers/driver.ts';
import type { FileRecord, OperationEvent, RunFacts } from '../history/events.ts';
import { LineWriter, type ResultsFolder } from '../history/results-folder.ts';
import { Scraper } from '../metrics/scraper.ts';
import { hashContent, openContent } from '../scenario/content.ts';
import type { Plan } from '../scenario/plan.ts';
import { contentIdentity } from '../scenario/shares.ts';
import type { PlannedPeer } from '../scenario/world.ts';
import { executeStep, type Stage } from './execute.ts';
import { inPool } from './pool.ts';
import type { Progress } from './progress.ts';

const STARTS_AT_A_TIME = 16;
const READS_AT_A_TIME = 4;

export interface RunInit {
  readonly runId: string;
  readonly plan: Plan;
  readonly driver: Driver;
  readonly folder: ResultsFolder;
  readonly progress: Progress;
  /** Fires when the run shall end early; it is cleaned up and reported all the same. */
  readonly signal: AbortSignal;
}

/**
 * Plays a plan: starts everything, takes the steps, reads the disks, ends everything. What happened is in the results
 * folder, and what kept it from going on is in `trouble`: this never throws for what the system under test, the engine or
 * the user does.
 */
export async function run(init: RunInit): Promise<RunFacts> {
  const { driver, progress } = init;
  const course = new Course(init);
  try {
    await course.setUp();
    await course.takeSteps();
    await course.readDisks();
    course.completed = true;
  } catch (error) {
    course.trouble(error);
  }
  await course.close();
  progress.begin('Clean up');
  const leftovers = await driver.end(true);
  progress.end();
  return course.facts(leftovers);
}

class Course {
  /** Every step was taken and every disk read. */
  completed = false;
  readonly #init: RunInit;
  readonly #began = performance.now();
  readonly #startedAt = new Date().toISOString();
  readonly #controlToken = randomBytes(24).toString('base64url');
  readonly #peers = new Map<string, Instance>();
  readonly #exits: RunFacts['exits'] = [];
  readonly #trouble: RunFacts['trouble'] = [];
  readonly #events: LineWriter<OperationEvent>;
  readonly #resources: Record<string, number> = {};
  #directory: Instance | undefined;
  #scraper: Scraper | undefined;
  #stepsBegan: number | undefined;
  #stepsEnded: number | undefined;
  #ending = false;
  #id = 0;

  constructor(init: RunInit) {
    this.#init = init;
    this.#events = new LineWriter(init.folder.file('events.ndjson'));
  }

  trouble(error: unknown): void {
    const { signal } = this.#init;
    const { code, message } = toPeerLabError(signal.aborted ? signal.reason : error);
    if (!this.#trouble.some((known) => known.message === message)) this.#trouble.push({ code, message });
  }

  async setUp(): Promise<void> {
    const { driver, plan, progress, signal } = this.#init;
    progress.begin('Prepare');
    await driver.prepare((what) => progress.note(what));
    progress.begin('Make the files of the shares');
    await this.#recordShares();
    progress.begin('Start the directory');
    const env = {
      ...plan.directoryEnv,
      ...(plan.leaseMs === undefined ? {} : { DIRECTORY_LEASE: `${plan.leaseMs}ms` }),
    };
    const directory = await driver.startDirectory({ name: 'directory', env });
    this.#directory = directory;
    this.#watch(directory);
    progress.begin(`Start ${plan.peers.length} peers`);
    await inPool(plan.peers, STARTS_AT_A_TIME, async (peer) => {
      signal.throwIfAborted();
      await this.#startPeer(peer, directory);
      progress.advance(this.#peers.size, plan.peers.length);
    });
    progress.end();
    this.#scraper = new Scraper([directory, ...this.#peers.values()], this.#init.folder);
    this.#scraper.start();
  }

  async takeSteps(): Promise<void> {
    const { plan, progress, signal } = this.#init;
    this.#stepsBegan = performance.now();
    const stage: Stage = {
      peers: this.#peers,
      controlToken: this.#controlToken,
      signal,
      now: () => (performance.now() - (this.#stepsBegan as number)) / 1000,
      record: (event) => this.#events.append(event),
      nextId: () => this.#id++,
    };
    for (const [index, step] of plan.steps.entries()) {
      signal.throwIfAborted();
      progress.begin(`Step ${index + 1}/${plan.steps.length}: ${step.label}`);
      const { failed } = await executeStep(step, index, stage, progress);
      const count = step.operations.length;
      progress.end(count === 0 ? '' : `${count - failed} ok${failed > 0 ? `, ${failed} failed` : ''}`);
    }
    this.#stepsEnded = performance.now();
    signal.throwIfAborted();
    await this.#scraper?.finish();
    await this.#measure();
  }

  /** What lies in every share at the end, read from the disk. */
  async readDisks(): Promise<void> {
    const { progress, folder, signal } = this.#init;
    progress.begin('Read the disks');
    const stored = new LineWriter<FileRecord>(folder.file('stored.ndjson'));
    let done = 0;
    try {
      await inPool(this.#peers.values(), READS_AT_A_TIME, async (peer) => {
        for await (const { name, sizeBytes, sha256 } of peer.storedFiles()) {
          signal.throwIfAborted();
          await stored.append({ peer: peer.name, name, size: sizeBytes, sha256 });
        }
        progress.advance(++done, this.#peers.size);
      });
    } finally {
      await stored.close();
    }
    progress.end();
  }

  /** Nothing is asked for any more; from here on, instances that end were asked to. */
  async close(): Promise<void> {
    // An instance whose end caused the last failures may be a moment away from being noticed.
    await sleep(0);
    this.#ending = true;
    this.#stepsEnded ??= performance.now();
    await this.#scraper?.finish().catch((error) => this.trouble(error));
    await this.#events.close().catch((error) => this.trouble(error));
  }

  facts(leftovers: string[]): RunFacts {
    const { plan, driver, runId } = this.#init;
    const began = this.#stepsBegan ?? performance.now();
    return {
      runId,
      scenario: plan.name,
      description: plan.description,
      driver: driver.kind,
      seed: plan.seed,
      startedAt: this.#startedAt,
      setupSeconds: (began - this.#began) / 1000,
      durationSeconds: this.#stepsBegan === undefined ? 0 : ((this.#stepsEnded ?? began) - began) / 1000,
      peers: plan.peers.map(({ name }) => name),
      planned: plan.steps.reduce((sum, { operations }) => sum + operations.length, 0),
      steps: plan.steps.map(({ label }) => label),
      completed: this.completed,
      resources: this.#resources,
      artifacts: { ...driver.artifacts },
      exits: this.#exits,
      trouble: this.#trouble,
      leftovers,
    };
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

  async #startPeer(peer: PlannedPeer, directory: Instance): Promise<void> {
    const share: ShareFile[] = peer.share.map(({ name, sizeBytes, content }) => ({
      name,
      sizeBytes,
      open: () => openContent(content, sizeBytes),
    }));
    const env = {
      PEER_USER: peer.name,
      PEER_PASSWORD: `password of ${peer.name}`,
      PEER_CONTROL_TOKEN: this.#controlToken,
      ...peer.env,
    };
    const instance = await this.#init.driver.startPeer({ name: peer.name, env, directory, share });
    this.#peers.set(peer.name, instance);
    this.#watch(instance);
  }

  #watch(instance: Instance): void {
    void instance.ended.then((how) => {
      if (!this.#ending) this.#exits.push({ instance: instance.name, how });
    });
  }

  async #measure(): Promise<void> {
    const { user, system } = process.cpuUsage();
    this.#resources.labCpuSeconds = (user + system) / 1e6;
    this.#resources.peerMemoryBytesMax = this.#scraper?.peerMemoryBytesMax ?? 0;
    const directory = await this.#directory?.usage();
    if (directory) this.#resources.directoryCpuSeconds = directory.cpuSeconds;
    let peers = 0;
    await inPool(this.#peers.values(), READS_AT_A_TIME, async (peer) => {
      peers += (await peer.usage())?.cpuSeconds ?? 0;
    });
    this.#resources.peerCpuSeconds = peers;
  }
}
