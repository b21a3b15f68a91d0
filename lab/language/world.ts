import { matchesGlob } from '#proto/names.ts';
import type { Double } from '../doubles/names.ts';
import { directoryNames, type FaultKind } from '../history/events.ts';
import { type Arrival, arrivalTimesMs } from './arrival.ts';
import type { Content } from './content.ts';
import { PlanSize } from './plan-size.ts';
import { Random } from './random.ts';

/** Whether an instance is there: not started yet, there (frozen or not), taken down by the scenario, or gone for good. */
export type InstanceState = 'later' | 'there' | 'frozen' | 'down' | 'gone';

/** A file as the plan knows it: its bytes are decided, not yet made. */
export interface PlannedFile {
  readonly name: string;
  readonly sizeBytes: number;
  readonly content: Content;
}

export interface PlannedPeer {
  /** `<group>-<number>`, unique in the run. */
  readonly name: string;
  readonly group: string;
  readonly share: readonly PlannedFile[];
  readonly user: string;
  readonly env: Readonly<Record<string, string>>;
  readonly image?: string;
  readonly double?: Double;
  readonly memoryBytes?: number;
  readonly cpus?: number;
  readonly diskBytes?: number;
  /** Not there at the start: a `start` step brings it. */
  readonly later: boolean;
  /** The process or container that it shares with others; by itself without. No peer has such a name: theirs end in a dash and a number. */
  readonly host?: string;
}

/** What a peer runs instead of the program of all others, as the history has it. */
export function ownProgramOf({ image, double }: Pick<PlannedPeer, 'image' | 'double'>): string | undefined {
  return image ?? (double === undefined ? undefined : `double: ${double}`);
}

/** Who does a step: `group` is all, a group, or self within `each`; `take` some of them, picked by the seed. */
export interface Who {
  readonly group: string;
  readonly take?: number | { readonly fraction: number } | undefined;
  readonly arrival?: Arrival | undefined;
}

/**
 * What the plan expects to be true at each step, in the order of the file: who is there and who holds which file. Steps
 * are planned against it, each with the randomness of its own label, so one step's picks don't depend on another's.
 */
export class World {
  readonly peers: readonly PlannedPeer[];
  readonly seed: number;
  /** The instances that are the directory. */
  readonly directories: readonly string[];
  readonly #files = new Map<string, PlannedFile>();
  /** By file. Most files have one holder, and a million sets of one would take seconds. */
  readonly #holders = new Map<string, string | Set<string>>();
  readonly #states = new Map<string, InstanceState>();
  /** Faults of what lies around an instance that are in force until a step undoes them. */
  readonly #disturbed = new Map<string, ReadonlySet<FaultKind>>();
  #self: PlannedPeer | undefined;
  #size: PlanSize;
  /** Copies of files at peers. */
  #copies = 0;

  constructor(peers: readonly PlannedPeer[], seed: number, size = new PlanSize(), directoryReplicas = 1) {
    this.peers = peers;
    this.directories = directoryNames(directoryReplicas);
    for (const name of this.directories) this.#states.set(name, 'there');
    this.seed = seed;
    this.#size = size;
    for (const peer of peers) {
      this.#states.set(peer.name, peer.later ? 'later' : 'there');
      for (const file of peer.share) {
        this.#files.set(file.name, file);
        this.hold(peer.name, file.name);
      }
    }
  }

  /** A world that goes its own way from here. */
  fork(): World {
    this.#size.add('turns', this.#copies);
    const fork = new World(this.peers, this.seed, undefined, this.directories.length);
    for (const file of this.#holders.keys()) for (const holder of this.#holdersOf(file)) fork.hold(holder, file);
    for (const [name, state] of this.#states) fork.setState(name, state);
    for (const [name, kinds] of this.#disturbed) fork.#disturbed.set(name, kinds);
    fork.#self = this.#self;
    return fork;
  }

  /** Plans `work` with `peer` as who `self` is. */
  asSelf<T>(peer: PlannedPeer, work: () => T): T {
    const outer = this.#self;
    this.#self = peer;
    try {
      return work();
    } finally {
      this.#self = outer;
    }
  }

  /** The peers of a group that are there; `all` are all. */
  group(name: string): readonly PlannedPeer[] {
    return this.members(name).filter(({ name: peer }) => this.#isThere(peer));
  }

  /** The peers of a group, there or not. */
  members(name: string): readonly PlannedPeer[] {
    if (name === 'self') return this.#self ? [this.#self] : [];
    return name === 'all' ? this.peers : this.peers.filter((peer) => peer.group === name);
  }

  /** Of a peer, or of the directory. */
  state(instance: string): InstanceState | undefined {
    return this.#states.get(instance);
  }

  #isThere(peer: string): boolean {
    const state = this.state(peer);
    return state === 'there' || state === 'frozen';
  }

  /** Who does a step, of those there, each with the time at which they begin. */
  who(who: Who, label: string, among = this.group(who.group)): { peer: PlannedPeer; atMs: number }[] {
    const random = this.random(label, 'who', this.#self?.name ?? '');
    const chosen = who.take === undefined ? among : this.#take(among, who.take, random);
    const order = who.arrival === undefined || who.arrival.kind === 'at-once' ? chosen : random.shuffle(chosen);
    this.countTurns(order.length);
    const times = arrivalTimesMs(who.arrival ?? { kind: 'at-once' }, order.length, random);
    return order.map((peer, i) => ({ peer, atMs: times[i] ?? 0 }));
  }

  #take(among: readonly PlannedPeer[], take: NonNullable<Who['take']>, random: Random): PlannedPeer[] {
    const count = typeof take === 'number' ? take : Math.max(1, Math.round(among.length * take.fraction));
    const picked = new Set(random.shuffle(among).slice(0, count));
    return among.filter((peer) => picked.has(peer));
  }

  /**
   * To be called before they are made; `expected`: how many there will be, these included.
   * @throws PeerLabError `plan-too-large` when the plan grows beyond what can be laid out, as all that plans with this world
   */
  countOperations(count: number, expected?: number): void {
    this.#size.add('operations', count, expected);
  }

  countTurns(count: number): void {
    this.#size.add('turns', count);
  }

  /** Files that a step holds against what somebody has: it bounds the time that planning takes. */
  countLooks(count: number): void {
    this.#size.add('looks', count);
  }

  /** What was planned before has been played and forgotten: the next round has all the room again. */
  startRound(): void {
    this.#size = new PlanSize();
  }

  /** Instances come and go: `start` and `restart`, `stop` and `kill`, `freeze` and `thaw`. */
  setState(instance: string, state: InstanceState): void {
    this.#states.set(instance, state);
  }

  /** Faults that are in force on it, of the kinds that others can be beside. */
  disturbances(instance: string): ReadonlySet<FaultKind> {
    return this.#disturbed.get(instance) ?? new Set();
  }

  setDisturbances(instance: string, kinds: ReadonlySet<FaultKind>): void {
    this.#disturbed.set(instance, kinds);
  }

  random(...label: (string | number)[]): Random {
    return new Random(this.seed, ...label);
  }

  /** Names of all files that a peer who is there holds, and that match, in the order in which the groups made them. */
  files(glob: string): string[] {
    this.countLooks(this.#files.size);
    return [...this.#files.keys()].filter((name) => matchesGlob(name, glob) && this.#isHeld(name));
  }

  #isHeld(file: string): boolean {
    for (const holder of this.#holdersOf(file)) if (this.#isThere(holder)) return true;
    return false;
  }

  holds(peer: string, file: string): boolean {
    const holders = this.#holders.get(file);
    return typeof holders === 'string' ? holders === peer : (holders?.has(peer) ?? false);
  }

  #holdersOf(file: string): Iterable<string> {
    const holders = this.#holders.get(file) ?? [];
    return typeof holders === 'string' ? [holders] : holders;
  }

  hold(peer: string, file: string): void {
    if (this.holds(peer, file)) return;
    this.#copies++;
    const holders = this.#holders.get(file);
    if (holders === undefined) this.#holders.set(file, peer);
    else if (typeof holders === 'string') this.#holders.set(file, new Set([holders, peer]));
    else holders.add(peer);
  }
}
