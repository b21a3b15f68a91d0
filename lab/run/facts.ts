import type { RunFacts } from '../history/events.ts';
import type { EventKind, EventOf, RunEvent } from '../history/run-event.ts';

/** What run.json says of a run, but for the times of the clock. */
export type Tally = Omit<RunFacts, 'setupSeconds' | 'durationSeconds'>;

type Fold<K extends EventKind> = (tally: Tally, event: EventOf<K>) => void;

/** How events change the facts; those of other kinds leave them alone. */
const FOLDS: { readonly [K in EventKind]?: Fold<K> } = {
  'artifacts-known': (tally, { artifacts, tested }) => {
    Object.assign(tally, { artifacts, tested });
  },
  'instance-ready': (tally, { instance, address, stood }) => {
    const peer = tally.peers.find(({ name }) => name === instance);
    if (peer) peer.address = address;
    if (stood) tally.stood = [...new Set([...(tally.stood ?? []), instance])];
  },
  'instance-ended': (tally, { kind: _, at: __, asked, inOrder, ...end }) => {
    const { instance, how } = end;
    if (!asked) tally.exits.push({ instance, how });
    else if (!inOrder) tally.badEnds = [...(tally.badEnds ?? []), end];
  },
  'instance-killed': (tally, { kind: _, ...kill }) => {
    tally.kills = [...(tally.kills ?? []), kill];
  },
  'step-began': (tally, { operations }) => {
    tally.planned += operations;
  },
  'step-ended': ({ steps }, ended) => {
    const step = steps.find(({ id }) => id === ended.step);
    if (step && ended.taken) step.taken = true;
  },
  observation: ({ observations }, { observation }) => {
    observations.push(observation);
  },
  measured: (tally, { stallSeconds, resources }) => {
    Object.assign(tally, { stallSeconds, resources });
  },
  trouble: ({ trouble }, { code, message }) => {
    if (!trouble.some((known) => known.message === message)) trouble.push({ code, message });
  },
  'run-ended': (tally, { completed, leftovers }) => {
    Object.assign(tally, { completed, leftovers });
  },
};

/** The facts are nothing but the stream of events, added up. */
export class FactsSoFar {
  readonly #tally: Tally;

  constructor({ run }: EventOf<'run-began'>) {
    this.#tally = {
      ...structuredClone(run),
      ...{ planned: 0, completed: false, observations: [], stallSeconds: 0, resources: {} },
      ...{ artifacts: {}, exits: [], kills: [], trouble: [], leftovers: [] },
    };
  }

  take(event: RunEvent): void {
    (FOLDS[event.kind] as Fold<EventKind> | undefined)?.(this.#tally, event);
  }

  get tally(): Readonly<Tally> {
    return this.#tally;
  }
}
