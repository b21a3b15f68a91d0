import { PeerLabError } from '#proto/errors.ts';
import type { Driver, Instance, PeerSpec, ShareFile } from '../drivers/driver.ts';
import { ALL, DIRECTORY, directoryNames, isDirectory } from '../history/events.ts';
import type { Tell } from '../history/run-event.ts';
import { type Content, openContent } from '../language/content.ts';
import type { PlannedPeer } from '../language/world.ts';
import { inPool } from '../limit.ts';
import { cpuPressure } from '../machine/pressure.ts';
import type { Plan } from '../scenario/plan.ts';

const STARTS_AT_A_TIME = 16;
/** How drivers tell of a program that did not end with exit code 0. */
const FAILED = /exit code (?!0\b)|by SIG/;

export interface RosterInit {
  readonly plan: Plan;
  readonly driver: Driver;
  readonly controlToken: string;
  /** SHA-256 of a content, as recorded for the history. */
  hashOf(content: Content): string | undefined;
  tell(event: Parameters<Tell<'instance-started' | 'instance-ready' | 'instance-ended'>>[0]): void;
  /** An instance runs, or runs again. */
  entered(instance: Instance): void;
  /** The same, and those who must know before it does anything have heard of it. */
  arrived(instance: Instance): Promise<void>;
  /** A peer is gone, or about to be: nobody needs to wait for it. */
  left(name: string): void;
}

/** Who takes part: starts the directory and the peers, and watches for their ends. */
export class Roster {
  readonly #init: RosterInit;
  readonly #planned: ReadonlyMap<string, PlannedPeer>;
  /** Peers that run now, and the addresses and shares of all that ever did. */
  readonly #peers = new Map<string, Instance>();
  readonly #everStarted = new Map<string, Instance>();
  /** Those whose shares are gone with them. */
  readonly #withoutShare = new Set<string>();
  /** Those whose end the scenario wants, and whether they may end by themselves (SIGTERM) or are killed. */
  readonly #asked = new Map<Instance, 'stop' | 'kill'>();
  /** Instances and hosts that did not end in time, and that the lab killed in their present life. */
  readonly #killed = new Set<string>();
  /** The directory, or its replicas, by name; those that ended too. */
  readonly #directories = new Map<string, Instance>();
  #closed = false;

  constructor(init: RosterInit) {
    this.#init = init;
    this.#planned = new Map(init.plan.peers.map((peer) => [peer.name, peer]));
  }

  get peers(): ReadonlyMap<string, Instance> {
    return this.#peers;
  }

  get directories(): readonly Instance[] {
    return [...this.#directories.values()];
  }

  /** Peers that run, or ever did. */
  get everStarted(): ReadonlyMap<string, Instance> {
    return this.#everStarted;
  }

  /** Those whose shares can be read, whether they run or not. */
  withShares(): Instance[] {
    return [...this.#everStarted.values()].filter(({ name }) => !this.#withoutShare.has(name));
  }

  running(): Instance[] {
    return [...this.#directories.values(), ...this.#peers.values()];
  }

  /** The instance of this name that runs now. */
  find(name: string): Instance | undefined {
    return this.#directories.get(name) ?? this.#peers.get(name);
  }

  /** Whether `scope` (all, directory, or a group) means the instance. */
  isIn(instance: string, scope: string): boolean {
    if (scope === DIRECTORY) return isDirectory(instance);
    return scope === ALL || scope === instance || this.#planned.get(instance)?.group === scope;
  }

  async startDirectory(): Promise<void> {
    const { plan, driver } = this.#init;
    const env = { ...plan.directoryEnv, DIRECTORY_LEASE: `${plan.leaseMs}ms` };
    const names = directoryNames(plan.directoryReplicas);
    await this.#timed(names, async () => {
      if (names.length === 1) return [await driver.startDirectory({ name: DIRECTORY, env })];
      if (!driver.startReplicas) throw new PeerLabError('not-capable', { about: driver.kind, got: 'replicas' });
      return driver.startReplicas(names.map((name) => ({ name, env })));
    });
  }

  /** All of these, many at a time; for each host the peers that it carries. */
  async startAll(peers: readonly PlannedPeer[], signal: AbortSignal): Promise<void> {
    await inPool(byHost(peers), STARTS_AT_A_TIME, async ([host, some]) => {
      signal.throwIfAborted();
      if (some[0]?.host === undefined) return this.start(host);
      const specs = some.map((peer) => this.#specOf(peer));
      const names = some.map(({ name }) => name);
      await this.#timed(names, () => this.#init.driver.startHost({ name: host, peers: specs }));
    });
  }

  async start(name: string): Promise<void> {
    const spec = this.#specOf(this.#planned.get(name) as PlannedPeer);
    await this.#timed([name], async () => [await this.#init.driver.startPeer(spec)]);
  }

  /** One that was started again by somebody else: it takes part from now on. */
  async welcome(instance: Instance, tookSeconds: number): Promise<void> {
    const { name, role, address, host, stood } = instance;
    this.#killed.delete(name);
    if (role === 'directory') this.#directories.set(name, instance);
    else {
      this.#peers.set(name, instance);
      this.#everStarted.set(name, instance);
    }
    const ready = {
      instance: name,
      role,
      address,
      ...(host !== undefined && { host }),
      ...(stood && { stood }),
      tookSeconds,
    };
    this.#init.tell({ kind: 'instance-ready', ...ready });
    this.#init.entered(instance);
    this.#watch(instance);
    await this.#init.arrived(instance);
  }

  /** The scenario ends it: nobody waits for it, or takes its end for a surprise. */
  expectEnd(instance: Instance, how: 'stop' | 'kill', takesShare = false): void {
    if (takesShare) this.#withoutShare.add(instance.name);
    this.#asked.set(instance, how);
    this.#peers.delete(instance.name);
    this.#init.left(instance.name);
  }

  /** The lab kills it, or the host of this name, because it did not end in time: how it ends is not its own doing. */
  killed(name: string): void {
    this.#killed.add(name);
  }

  /** From here on, instances that end were asked to. */
  close(): void {
    this.#closed = true;
  }

  async #timed(names: readonly string[], start: () => Promise<readonly Instance[]>): Promise<void> {
    const began = performance.now();
    for (const instance of names) this.#init.tell({ kind: 'instance-started', instance });
    const instances = await start();
    const tookSeconds = (performance.now() - began) / 1000;
    for (const instance of instances) await this.welcome(instance, tookSeconds);
  }

  #specOf(peer: PlannedPeer): PeerSpec {
    const share: ShareFile[] = peer.share.map(({ name, sizeBytes, content }) => ({
      name,
      sizeBytes,
      open: () => openContent(content, sizeBytes, this.#init.hashOf(content)),
    }));
    const { user, password } = this.#init.driver.accountOf?.(peer.user) ?? {
      user: peer.user,
      password: `password of ${peer.user}`,
    };
    const env = {
      PEER_USER: user,
      PEER_PASSWORD: password,
      PEER_CONTROL_TOKEN: this.#init.controlToken,
      ...peer.env,
    };
    const { name, image, double, memoryBytes, cpus, diskBytes } = peer;
    return {
      name,
      env,
      // They have one address.
      directory: this.directories[0] as Instance,
      share,
      ...(image !== undefined && { image }),
      ...(double !== undefined && { double }),
      ...(memoryBytes !== undefined && { memoryBytes }),
      ...(cpus !== undefined && { cpus }),
      ...(diskBytes !== undefined && { diskBytes }),
    };
  }

  #watch(instance: Instance): void {
    const { name, host = name } = instance;
    void instance.ended.then((how) => {
      const wanted = this.#asked.get(instance) ?? (this.#closed ? 'stop' : undefined);
      const isOwnDoing = wanted === 'stop' && !this.#killed.has(name) && !this.#killed.has(host);
      const inOrder = !(isOwnDoing && FAILED.test(how));
      const pressure = inOrder ? undefined : cpuPressure();
      this.#init.tell({
        ...{ kind: 'instance-ended', instance: name, how, asked: wanted !== undefined, inOrder },
        ...(pressure !== undefined && { cpuPressure: pressure }),
      });
      this.#init.left(name);
    });
  }
}

/** Peers that share a process or container, by its name; one that is by itself, by its own. */
export function byHost<P extends { readonly name: string; readonly host?: string }>(
  peers: Iterable<P>,
): Map<string, P[]> {
  return Map.groupBy(peers, ({ name, host }) => host ?? name);
}
