import type { Observation, OperationEvent, Proof } from '../../lab/history/events.ts';
import type { EventOf } from '../../lab/history/run-event.ts';
import { Log } from './log.ts';
import { NO_THROUGHPUT, type Span, type Throughput } from './throughput.ts';

/**
 * THE SCENE: a run as it is at one moment, added up from its events (fold.ts). Pages draw it, and nothing else of a run. It is for
 * looking: what is judged, and the figures behind that, are in the result.
 */
export interface Scene {
  /** Seconds since the first step began; 0 while the run is set up. */
  readonly now: number;
  readonly run: EventOf<'run-began'>['run'] | undefined;
  readonly stage: 'empty' | 'set-up' | 'steps' | 'closing' | 'over';
  /** A part of the run that is not a step. */
  readonly phase: { readonly what: string; readonly total: number; readonly done: number } | undefined;
  readonly setupSeconds: number | undefined;
  readonly durationSeconds: number | undefined;
  /** The directory, and every peer that was planned. */
  readonly instances: ReadonlyMap<string, Instance>;
  /** Who has the address `ip:port`. */
  readonly names: ReadonlyMap<string, string>;
  readonly steps: ReadonlyMap<string, Step>;
  /** By verb. */
  readonly verbs: ReadonlyMap<string, Tally>;
  /** Operations that are under way, by id, the oldest first. */
  readonly underWay: ReadonlyMap<number, UnderWay>;
  /** Operations that ended, in the order in which they did. */
  readonly operations: Log<OperationEvent>;
  /** Content that one peer sent to another, by `linkKey`. */
  readonly links: ReadonlyMap<string, Link>;
  /** Files that were fetched in pieces, by name. */
  readonly contents: ReadonlyMap<string, Content>;
  /** In the order in which they began. */
  readonly faults: ReadonlyMap<string, Fault>;
  /** Expectations that were held while the run went on. */
  readonly observations: Log<Observation>;
  /** How expectations stand so far, by their text: by the lab's own figures, and never judged before the end. */
  readonly standings: ReadonlyMap<string, Standing>;
  /** What was worth a line, and what kept the lab from its work. */
  readonly remarks: Log<Remark>;
  readonly throughput: Throughput;
  readonly leftovers: readonly string[];
  readonly completed: boolean | undefined;
}

export interface Tally {
  readonly ok: number;
  readonly failed: number;
}

export interface Instance extends Tally {
  readonly name: string;
  /** The directory has none. */
  readonly group: string | undefined;
  readonly host: string | undefined;
  readonly address: string | undefined;
  /** What it runs instead of the program of all others. */
  readonly program: string | undefined;
  /** `lost`: it ended although nobody asked it to. */
  readonly life: 'planned' | 'starting' | 'up' | 'ended' | 'lost';
  /** How it ended. */
  readonly how: string | undefined;
  readonly loggedIn: boolean;
  /** Faults that are being done to it, by kind: since when. */
  readonly faults: ReadonlyMap<string, number>;
  /** Files that it has whole, by name: their sizes. */
  readonly files: ReadonlyMap<string, number>;
  /** What it said it had of files that it has not whole, by name. */
  readonly pieces: ReadonlyMap<string, Pieces>;
  /** Of transfers that ended. */
  readonly received: number;
  readonly sent: number;
  /** The last of each of its series that the lab scraped. */
  readonly values: Readonly<Record<string, number | null>>;
  readonly arrivals: Arrivals;
}

export interface Content {
  readonly size: number;
  readonly pieces: number;
}

export interface Pieces extends Content {
  /** How many are there. */
  readonly there: number;
  /** A digit for each place, as in lab/history/events.ts: 0 nothing of it is there, 9 all. */
  readonly map: string;
}

/** What is known of when bytes arrived at a peer. */
export interface Arrivals {
  /** Its own counter at its last scrape; undefined while it has shown none. */
  readonly counter: number | undefined;
  readonly scrapedAt: number;
  /** As its counter grew between its last two scrapes. */
  readonly bytesPerSecond: number;
  /** Bytes of ended transfers, while it had no counter. */
  readonly told: number;
  /** Transfers to it: when those that are under way began, and when others were, since the last scrape. */
  readonly since: ReadonlyMap<number, number>;
  readonly spans: readonly Span[];
}

export interface Step extends Tally {
  readonly id: string;
  readonly label: string;
  readonly began: number | undefined;
  readonly ended: number | undefined;
  /** It got to its end. */
  readonly taken: boolean;
  /** Operations that it does, with those of steps inside it. */
  readonly total: number;
}

export interface UnderWay {
  readonly id: number;
  readonly step: string;
  readonly operation: string;
  readonly peer: string;
  readonly file: string | undefined;
  readonly to: string | undefined;
  readonly since: number;
  readonly deadlineSeconds: number;
}

export interface Link {
  readonly from: string;
  readonly to: string;
  readonly bytes: number;
  readonly transfers: number;
  /** When the last transfer that it had a part in ended. */
  readonly at: number;
}

export interface Fault {
  readonly kind: string;
  readonly who: string;
  readonly step: string;
  readonly since: number;
  readonly until: number | undefined;
  readonly proofs: readonly Proof[];
}

export type Standing = Pick<EventOf<'expectation-stands'>, 'at' | 'actual' | 'unit' | 'ok'>;

export interface Remark {
  readonly at: number;
  readonly text: string;
  /** Of the registry of errors; absent when it is only worth a line. */
  readonly code?: string;
}

/** The name of the directory among instances. */
export const DIRECTORY = 'directory';

/** Bounds of the lists that grow with a run: what is older is left out, and pages say so. */
const MAX_OPERATIONS = 100_000;
const MAX_OBSERVATIONS = 5000;
const MAX_REMARKS = 2000;
/** Contents of which pieces are told. */
export const MAX_CONTENTS = 1000;

export const EMPTY_SCENE: Scene = {
  ...{ now: 0, run: undefined, stage: 'empty', phase: undefined, setupSeconds: undefined, durationSeconds: undefined },
  ...{ instances: new Map(), names: new Map(), steps: new Map(), verbs: new Map(), underWay: new Map() },
  standings: new Map(),
  ...{ operations: new Log<OperationEvent>(MAX_OPERATIONS), links: new Map(), faults: new Map() },
  contents: new Map(),
  ...{ observations: new Log<Observation>(MAX_OBSERVATIONS), remarks: new Log<Remark>(MAX_REMARKS) },
  ...{ throughput: NO_THROUGHPUT, leftovers: [], completed: undefined },
};

export function newInstance(name: string, known: Partial<Instance> = {}): Instance {
  return {
    ...{ name, group: undefined, host: undefined, address: undefined, program: undefined },
    ...{ life: 'planned', how: undefined, loggedIn: false, faults: new Map(), files: new Map() },
    pieces: new Map(),
    ...{ ok: 0, failed: 0, received: 0, sent: 0, values: {} },
    arrivals: { counter: undefined, scrapedAt: 0, bytesPerSecond: 0, told: 0, since: new Map(), spans: [] },
    ...known,
  };
}

export function linkKey(from: string, to: string): string {
  return JSON.stringify([from, to]);
}

/** In the order of the plan. */
export function peersOf({ instances }: Scene): Instance[] {
  return [...instances.values()].filter(({ name }) => !isDirectory(name));
}

/** The directory, or its replicas, whose names are known when they start. */
export function directoriesOf({ instances }: Scene): Instance[] {
  const all = [...instances.values()].filter(({ name }) => isDirectory(name));
  return all.length > 1 ? all.filter(({ name }) => name !== DIRECTORY) : all;
}

export function isDirectory(name: string): boolean {
  return name === DIRECTORY || /^directory-\d+$/.test(name);
}

/** The peer at which a transfer's bytes arrive; undefined of what is no transfer. */
export function receiverOf(of: { operation: string; peer: string; to?: string | undefined }): string | undefined {
  if (of.operation === 'upload') return of.to ?? of.peer;
  return of.operation === 'download' ? of.peer : undefined;
}
