import { type Crowd, type Measured, timeCrowd } from './kit/crowd.ts';
import { MIB, ROUNDS, Yard } from './kit/fetching.ts';
import { type OtherSwarm, otherSwarms, timeOtherSwarm } from './kit/other-swarms.ts';
import { alternating, median, Report } from './kit/report.ts';

/**
 * A crowd that wants one file: how long until the last has it, beside the bound that no way to share can beat, and beside other programs. Where
 * nothing but the machine is the limit: beside a crowd of peers that pass on nothing before they have the whole file.
 *
 *     node bench/swarm.ts [rounds] [case …]
 */

interface Case extends Crowd {
  readonly id: string;
  readonly seeder: number;
  readonly uploads: readonly number[];
  /** The most times the bound that it may take; undefined where only the memory counts. */
  readonly bar?: number;
  /** Other programs are measured with one limit for all. */
  readonly besideOthers?: boolean;
  readonly settings?: Record<string, string>;
}

const MB = 1_000_000;
const ALIKE = { seeder: 5 * MB, uploads: [5 * MB], besideOthers: true };
/** Thousands of connections begin at once, of a few processes on one machine: an answer may take longer than anywhere else. */
const PATIENT = { PEER_STALL_TIMEOUT: '30s' };
const CASES: readonly Case[] = [
  { id: 'swarm-8', leechers: 8, sizeMib: 32, ...ALIKE, bar: 1.3 },
  { id: 'swarm-16', leechers: 16, sizeMib: 64, ...ALIKE, bar: 1.25 },
  { id: 'swarm-mixed', leechers: 16, sizeMib: 64, seeder: 5 * MB, uploads: [10 * MB, 2.5 * MB], bar: 1.35 },
  {
    ...{ id: 'swarm-64', leechers: 64, sizeMib: 64, seeder: MB, uploads: [MB], bar: 1.35 },
    ...{ peersPerProcess: 22, settings: PATIENT },
  },
  {
    ...{ id: 'swarm-200', leechers: 200, sizeMib: 8, seeder: MB / 2, uploads: [MB / 2] },
    ...{ peersPerProcess: 25, settings: PATIENT },
  },
];
const UNLIMITED = { id: 'swarm-unlimited', leechers: 8, sizeMib: 1024, seeder: undefined, uploads: [undefined] };
const MOST_SEEDER_COPIES = 1.3;
const LEAST_JAIN = 0.9;
const MOST_MEMORY_MIB = 150;
const LEAST_OF_WHOLE_ONLY = 0.9;

const [rounds = ROUNDS, ...wanted] = process.argv.slice(2).map((word, i) => (i === 0 ? Number(word) : word));
const isWanted = ({ id }: { id: string }) => wanted.length === 0 || wanted.includes(id);
const report = new Report('swarm');
await using yard = new Yard();

/** Kumar and Ross (2006): the seeder must send everything once, and all together must send it to everyone. */
function boundSeconds({ leechers, sizeMib, seeder, uploads }: Case): number {
  const bytes = sizeMib * MIB;
  const all = Array.from({ length: leechers }, (_, i) => uploads[i % uploads.length] as number);
  return Math.max(bytes / seeder, (leechers * bytes) / (seeder + all.reduce((sum, one) => sum + one, 0)));
}

type Timed = Pick<Measured, 'seconds' | 'seederCopies'> & Partial<Measured>;

function row(what: string, measured: readonly Timed[], bound = Number.NaN): number {
  const seconds = median(measured.map((one) => one.seconds));
  const [jains, memories] = [
    measured.flatMap(({ jain = [] }) => jain),
    measured.flatMap(({ memoryMib = [] }) => memoryMib),
  ];
  report.row(what, {
    seconds: seconds.toFixed(2),
    ...(!Number.isNaN(bound) && { 'times the bound': (seconds / bound).toFixed(2) }),
    'seeder copies': median(measured.map((one) => one.seederCopies)).toFixed(2),
    ...(jains.length > 0 && { jain: median(jains).toFixed(3), 'peak MiB': Math.max(...memories).toFixed(0) }),
  });
  return seconds;
}

async function compare(one: Case, others: readonly OtherSwarm[]): Promise<void> {
  const { id, leechers, sizeMib, bar, peersPerProcess = 1 } = one;
  const bound = boundSeconds(one);
  const ways = others.flatMap((other) => other.ways);
  const { peerlab: ours = [], ...theirs } = await alternating<Timed, string>(rounds as number, {
    peerlab: () => timeCrowd(yard, one, one.settings),
    ...Object.fromEntries(ways.map((way) => [way.name, () => timeOtherSwarm(yard.workshop, way, one)])),
  });
  report.row(`${id}: the bound`, { seconds: bound.toFixed(2) });
  const hosted = peersPerProcess > 1 ? `, ${peersPerProcess} in a process` : '';
  const seconds = row(`${id}: PeerLab, ${leechers} leechers, ${sizeMib} MiB${hosted}`, ours, bound);
  if (bar !== undefined) report.atMost(`${id}-bound`, seconds / bound, bar);
  if (one.besideOthers) {
    report.atMost(`${id}-seeder-copies`, median(ours.map(({ seederCopies }) => seederCopies)), MOST_SEEDER_COPIES);
    report.atLeast(`${id}-jain`, median(ours.flatMap(({ jain = [] }) => jain)), LEAST_JAIN);
  }
  const memoryMib = Math.max(...ours.flatMap((measured) => measured.memoryMib ?? []));
  if (peersPerProcess === 1) report.atMost(`${id}-memory-mib`, memoryMib, MOST_MEMORY_MIB);
  else report.row(`${id}: memory for a peer`, { 'peak MiB': (memoryMib / peersPerProcess).toFixed(1) });
  for (const { name, bar, ways } of others) {
    const best = Math.min(...ways.map((way) => row(`${id}: ${way.name}`, theirs[way.name] ?? [], bound)));
    report.atMost(`${id}-${name}`, seconds / best, bar);
  }
}

/** Nothing but the machine is the limit: peers that pass on what they have so far must not cost time there. */
async function compareUnlimited(one: Crowd & { id: string }): Promise<void> {
  const { swarming, wholeOnly } = await alternating(rounds as number, {
    swarming: () => timeCrowd(yard, one),
    wholeOnly: () => timeCrowd(yard, one, { PEER_SWARM: '0' }),
  });
  const about = `${one.leechers} leechers, ${one.sizeMib / 1024} GiB, no limits`;
  const seconds = row(`${one.id}: PeerLab, ${about}`, swarming);
  const before = row(`${one.id}: the same without swarming`, wholeOnly);
  report.atLeast(`${one.id}-aggregate`, before / seconds, LEAST_OF_WHOLE_ONLY);
}

const cases = CASES.filter(isWanted);
const others = cases.some(({ besideOthers }) => besideOthers) ? otherSwarms(yard.workshop, report) : [];
for (const one of cases) await compare(one, one.besideOthers ? others : []);
if (isWanted(UNLIMITED)) await compareUnlimited(UNLIMITED);
report.close();
