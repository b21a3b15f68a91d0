import { z } from 'zod';
import { PeerLabError } from '#proto/errors.ts';
import { rate } from '../language/arrival.ts';
import type { Random } from '../language/random.ts';
import { duration, strict } from '../language/words.ts';
import { type PlanContext, type PlannedStep, type StepKind, timeoutOf, type WhoSpec, whoShape } from './step.ts';

/** Departures of one step: planned ahead, so a slip must not fill the memory. */
const MAX_DEPARTURES = 10_000;

interface Spec extends WhoSpec {
  readonly rate: number;
  readonly away: number;
  readonly for: number;
  readonly leave: 'kill' | 'stop' | 'logout';
}

/** Departures of one peer: milliseconds from its return (at first from the beginning of the step) to the next one. */
type Gaps = number[];

export const churn: StepKind<Spec> = {
  verb: 'churn',
  records: ['login', 'logout'],
  summary:
    'For a while, peers of the group leave one after another at a rate, stay away, come back, and log in. At the end all are back.',
  example: 'churn: {group: seeders, rate: 1/s, away: 2s, for: 20s}',
  idle: 'no peer of the group is there, or nobody leaves within the time: a higher `rate`, or a longer `for`',
  schema: strict({
    group: whoShape.group,
    take: whoShape.take,
    rate: rate.meta({ description: 'Departures of all these peers together, as a Poisson process.' }),
    away: duration.meta({ description: 'How long each peer stays away.' }),
    for: duration.meta({ description: 'After this time no peer leaves any more.' }),
    leave: z.enum(['kill', 'stop', 'logout']).default('kill').meta({
      description:
        'How they leave: without a word (`kill`, the default), in order (`stop`), or only out of the index, while they go on running (`logout`).',
    }),
    timeout: whoShape.timeout,
    as: whoShape.as,
  }),
  groups: ({ group }) => ({ group }),
  plan: (spec, context) => {
    const { world, id, draw } = context;
    const peers = world.who(spec, draw).map(({ peer }) => peer.name);
    const departures = departuresOf(peers, spec, world.random(draw, 'churn'));
    return {
      does: 'parallel',
      id,
      label: `churn of ${spec.group} for ${spec.for / 1000} s`,
      branches: [...departures].map(([peer, gaps]) => gaps.flatMap((gapMs) => departure(peer, gapMs, spec, context))),
      atMs: [...departures].map(() => 0),
    };
  },
};

/** Who leaves when: each departure is of one of those who are there at that moment, by chance. */
function departuresOf(peers: readonly string[], spec: Spec, random: Random): Map<string, Gaps> {
  const departures = new Map<string, Gaps>();
  const backAtMs = new Map(peers.map((peer) => [peer, 0]));
  let count = 0;
  for (let atMs = gapMs(spec, random); atMs < spec.for; atMs += gapMs(spec, random)) {
    const [peer] = random.shuffle(peers.filter((name) => (backAtMs.get(name) ?? 0) <= atMs));
    if (peer === undefined) {
      // Nobody is there to leave: a Poisson process has no memory, so it may as well go on when the first is back.
      atMs = Math.min(...backAtMs.values());
      continue;
    }
    if (count >= MAX_DEPARTURES) throw tooManyDepartures(spec);
    const gaps = departures.get(peer) ?? [];
    gaps.push(Math.round(atMs - (backAtMs.get(peer) ?? 0)));
    departures.set(peer, gaps);
    backAtMs.set(peer, atMs + spec.away);
    count++;
  }
  return departures;
}

function tooManyDepartures({ rate, for: forMs }: Spec): PeerLabError {
  const got = `about ${Math.round((rate * forMs) / 1000)} departures in one churn`;
  return new PeerLabError('plan-too-large', { expected: `at most ${MAX_DEPARTURES}`, got });
}

/** Inverse transform sampling of the exponential gaps of a Poisson process. */
function gapMs(spec: Spec, random: Random): number {
  return (-Math.log(1 - random.float()) / spec.rate) * 1000;
}

/** A peer's departures follow one another: one that takes long to come back leaves later than planned, never while it is away. */
function departure(peer: string, gapMs: number, spec: Spec, context: PlanContext): PlannedStep[] {
  const { id, world } = context;
  const { leave, away } = spec;
  const does = (verb: 'login' | 'logout'): PlannedStep => {
    world.countOperations(1);
    const operation = { peer, verb, request: {}, timeoutMs: timeoutOf(spec, verb, context) };
    const flows = [{ peer, atMs: 0, operations: [operation] }];
    return { does: 'operations', id, label: verb, flows, concurrency: 1, ...(spec.as && { as: spec.as }) };
  };
  const who = [{ peer, atMs: 0 }];
  const stay: PlannedStep = { does: 'wait', id, label: 'stay', ms: gapMs };
  const stayAway: PlannedStep = { does: 'wait', id, label: 'stay away', ms: away };
  if (leave === 'logout') return [stay, does('logout'), stayAway, does('login')];
  return [
    stay,
    { does: 'fault', id, label: leave, fault: { kind: leave }, who },
    stayAway,
    { does: 'heal', id, label: 'come back', of: [leave], who },
    does('login'),
  ];
}
