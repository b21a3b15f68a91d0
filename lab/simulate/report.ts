import Table from 'cli-table3';
import { printable, printableJson } from '#proto/printable.ts';
import { counted } from '#proto/units.ts';
import { bytes, rate, seconds } from '../report/format.ts';
import type { Known } from './bounds.ts';
import type { Crowd } from './from-plan.ts';
import { piecesOf } from './model.ts';
import type { Outcome } from './simulate.ts';

/** What was simulated, for people and for machines. */

export interface About {
  readonly scenario: string;
  readonly crowd: Crowd;
  readonly latencyMs: number;
  readonly known: Known;
}

interface WayOutcome {
  readonly name: string;
  readonly outcome: Outcome;
  readonly tookSeconds: number;
}

export function reportJson({ scenario, crowd, latencyMs, known }: About, ways: readonly WayOutcome[]): string {
  const { seed, sizeBytes, pieceSizeBytes, seederLeaves, leftOut, peers } = crowd;
  const outcomes = ways.map(({ name, outcome }) => ({
    chooser: name,
    ratio: outcome.lastSeconds / known.boundSeconds,
    ...outcome,
  }));
  const about = { scenario, seed, peers: peers.length, sizeBytes, pieceSizeBytes, latencyMs, seederLeaves, leftOut };
  return `${printableJson(JSON.stringify({ ...about, ...known, outcomes }))}\n`;
}

export function reportText(about: About, ways: readonly WayOutcome[]): string {
  const { crowd, known } = about;
  const [first] = ways;
  const lines = [
    ...headLines(about),
    ...crowd.leftOut.map((label) => `Not simulated: ${printable(label)}`),
    table(
      [
        'pieces are chosen',
        'last after',
        'times the bound',
        'mean',
        'seeder copies',
        'fairness',
        'sent for nothing',
        'have it',
      ],
      ways.map(({ name, outcome }) => [
        name,
        seconds(outcome.lastSeconds),
        (outcome.lastSeconds / known.boundSeconds).toFixed(2),
        seconds(outcome.meanSeconds),
        outcome.seederCopies.toFixed(2),
        outcome.fairness.toFixed(3),
        `${((100 * outcome.wastedBytes) / Math.max(1, outcome.sentBytes)).toFixed(1)} %`,
        `${outcome.finished} of ${outcome.finished + outcome.unfinished}`,
      ]),
    ),
    ...(first ? [`By group, ${first.name}:`, groupTable(first.outcome)] : []),
    ways
      .map(({ name, outcome, tookSeconds }) => `${name}: ${outcome.events} events in ${seconds(tookSeconds)}`)
      .join('; '),
  ];
  return `${lines.join('\n')}\n`;
}

function headLines({ scenario, crowd, latencyMs, known }: About): string[] {
  const seeders = crowd.peers.filter(({ isSeeder }) => isSeeder).length;
  const others = crowd.peers.length - seeders;
  const pieces = counted(piecesOf(crowd), 'piece');
  const leaves = crowd.seederLeaves ? ' that leaves when a copy is out' : '';
  const { boundSeconds, optimalSeconds, seedersAloneSeconds } = known;
  return [
    `Simulated: ${printable(scenario)}, ${counted(others, 'peer')} fetch ${bytes(crowd.sizeBytes)} in ${pieces} of ` +
      `${counted(seeders, 'seeder')}${leaves}; a message takes ${latencyMs} ms; seed ${crowd.seed}`,
    `Fluid bound (Kumar and Ross, 2006): ${seconds(boundSeconds)}; seeders alone: ${seconds(seedersAloneSeconds)}`,
    ...(optimalSeconds === undefined
      ? []
      : [`Best order of ${pieces}, links alike (Mundinger, Weber and Weiss, 2006): ${seconds(optimalSeconds)}`]),
  ];
}

function groupTable({ groups }: Outcome): string {
  return table(
    ['group', 'peers', 'sends at most', 'mean', 'slowest', 'sent'],
    groups.map((one) => [
      printable(one.group),
      `${one.peers}`,
      rate(one.uploadBytesPerSecond),
      seconds(one.meanSeconds),
      seconds(one.slowestSeconds),
      bytes(one.sentBytes),
    ]),
  );
}

function table(head: string[], rows: string[][]): string {
  const made = new Table({ head, style: { head: [], border: [], compact: true } });
  made.push(...rows);
  return made.toString();
}
