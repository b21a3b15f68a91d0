import { type Command, InvalidArgumentError } from 'commander';
import { PeerLabError } from '#proto/errors.ts';
import { isPieceSize, pieceSizeOf } from '#proto/hash-tree.ts';
import { EXPECTED, parseDurationMs, parseSizeBytes } from '#proto/units.ts';
import { type Arrival, arrival, arrivalTimesMs } from '../language/arrival.ts';
import { Random } from '../language/random.ts';
import { findScenario } from '../scenario/find.ts';
import { knownOf } from './bounds.ts';
import { WAYS, type Way } from './choosers.ts';
import { type Crowd, crowdOf } from './from-plan.ts';
import { piecesOf } from './model.ts';
import { reportJson, reportText } from './report.ts';
import { simulate } from './simulate.ts';

/** `lab simulate`: what the options mean, and what is done. */

interface Options {
  seed?: number;
  peers?: number;
  size?: number;
  piece?: number;
  latency: number;
  arrival?: Arrival;
  seederLeaves?: boolean;
  choosers: readonly Way[];
  json?: boolean;
}

const MAX_PEERS = 10_000;
/** Peers times pieces: what a machine can keep, and do within minutes. */
const MAX_COPIES = 20_000_000;

/** @param tell is given all that is to be printed */
export function defineSimulate(command: Command, tell: (text: string) => void): void {
  command
    .description(
      'simulate the crowd of a scenario, also one that no machine holds: the choosers are those of the real peer',
    )
    .argument(
      '[scenario]',
      'a name in scenarios/, or a path to a file: one file, a limit on what each peer sends',
      'swarm',
    )
    .option(
      '--peers <n>',
      'peers in all; those who have the file stay as many as they are',
      word(peersValue, 'a number from 2 to 10000'),
    )
    .option('--seed <n>', 'another seed: other arrivals, neighbours and choices', word(seedValue, 'a whole number'))
    .option('--size <size>', 'another size of the file', word(sizeValue, EXPECTED.size))
    .option('--piece <size>', 'another size of the pieces', word(pieceValue, 'a power of two from 16KiB to 16MiB'))
    .option(
      '--latency <duration>',
      'until a message is there and has been dealt with',
      word(parseDurationMs, EXPECTED.duration),
      5,
    )
    .option(
      '--arrival <how>',
      'when they come: at-once, rate=2/s or poisson=2/s',
      word(arrivalValue, 'at-once, rate=2/s or poisson=2/s'),
    )
    .option('--seeder-leaves', 'who has the file leaves as soon as each piece is out once')
    .option(
      '--choosers <names>',
      `ways to choose a piece, of ${WAYS.map(({ name }) => name).join(',')}`,
      word(waysValue, `some of ${WAYS.map(({ name }) => name).join(',')}`),
      WAYS,
    )
    .option('--json', 'on stdout one line of JSON; for machines', false)
    .action((name: string, options: Options) => tell(simulateScenario(name, options)));
}

/** @throws PeerLabError `usage` when it can't be simulated */
function simulateScenario(name: string, options: Options): string {
  const scenario = findScenario(name);
  const crowd = withOptions(crowdOf(scenario, options), options);
  const copies = crowd.peers.length * piecesOf(crowd);
  if (copies > MAX_COPIES)
    throw new PeerLabError('usage', { expected: `at most ${MAX_COPIES} peers times pieces`, got: `${copies}` });
  const about = { scenario: scenario.name, crowd, latencyMs: options.latency, known: knownOf(crowd) };
  const ways = options.choosers.map((way) => {
    const began = performance.now();
    const outcome = simulate({ ...crowd, ...way, latencyMs: options.latency });
    return { name: way.name, outcome, tookSeconds: (performance.now() - began) / 1000 };
  });
  return options.json ? reportJson(about, ways) : reportText(about, ways);
}

function withOptions(crowd: Crowd, { size, piece, arrival, seederLeaves }: Options): Crowd {
  const sizeBytes = size ?? crowd.sizeBytes;
  const times = arrival && arrivalTimesMs(arrival, crowd.peers.length, new Random('arrival', crowd.seed));
  let arrived = 0;
  return {
    ...crowd,
    sizeBytes,
    pieceSizeBytes: piece ?? pieceSizeOf(sizeBytes),
    seederLeaves: seederLeaves || crowd.seederLeaves,
    peers: crowd.peers.map((peer) =>
      times && !peer.isSeeder ? { ...peer, arrivesMs: times[arrived++] as number } : peer,
    ),
  };
}

/** What people write on the command line: undefined is not understood. */
const word =
  <T>(read: (text: string) => T | undefined, expected: string) =>
  (text: string): T => {
    const value = read(text);
    if (value === undefined) throw new InvalidArgumentError(`expected ${expected}`);
    return value;
  };

const wholeValue = (text: string, min: number, max: number) =>
  /^\d{1,10}$/.test(text) && Number(text) >= min && Number(text) <= max ? Number(text) : undefined;
const peersValue = (text: string) => wholeValue(text, 2, MAX_PEERS);
const seedValue = (text: string) => wholeValue(text, 0, 2 ** 32 - 1);
const sizeValue = (text: string) => parseSizeBytes(text) || undefined;

function pieceValue(text: string): number | undefined {
  const size = parseSizeBytes(text);
  return size !== undefined && isPieceSize(size) ? size : undefined;
}

function arrivalValue(text: string): Arrival | undefined {
  const [, kind, rate] = /^(rate|poisson)=(.+)$/.exec(text) ?? [];
  return arrival.safeParse(kind === undefined ? text : { [kind]: rate }).data;
}

function waysValue(text: string): Way[] | undefined {
  const ways = text.split(',').map((name) => WAYS.find((way) => way.name === name));
  return ways.every((way) => way !== undefined) ? ways : undefined;
}
