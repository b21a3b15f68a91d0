import { realpathSync } from 'node:fs';
import path from 'node:path';
import type { RunReport } from '../../page/report/data.ts';
import type { Result } from '../checks/result-schema.ts';
import type { RunFacts } from '../history/events.ts';
import { readEvents } from '../history/read-events.ts';
import type { ResultsFolder } from '../history/results-folder.ts';
import type { EventKind, RunEvent } from '../history/run-event.ts';
import { unitOf } from '../report/format.ts';
import { excerptsOf } from './excerpts.ts';
import { Selection } from './selection.ts';
import { Carried, Thinning } from './thinning.ts';

/** WHAT OF A RUN GOES INTO ITS REPORT: its result as it is, and as much of its history as a page can hold. */

/** How much of what a run may have a lot of. */
export interface Limits {
  readonly operations: number;
  readonly samples: number;
  readonly files: number;
}

/** Told for judging, and drawn nowhere. */
const NOT_DRAWN: ReadonlySet<EventKind> = new Set(['index-looked', 'artifacts-known', 'measured', 'disk-read']);
/** Longer texts are cut: names and messages of peers may be of any length. */
const MAX_TEXT_CHARS = 2000;

export async function runData(folder: ResultsFolder, result: Result, limits: Limits): Promise<RunReport> {
  const facts = folder.readFacts();
  const { operations, slowest } = await Selection.of(folder, limits.operations);
  const samples = await Thinning.of(
    folder.readLines('metrics/samples.ndjson'),
    limits.samples,
    ({ instance }) => instance,
  );
  const pieces = await Thinning.of(folder.readLines('pieces.ndjson'), limits.samples, ({ peer }) => peer);
  const shares = await Thinning.of(folder.readLines('shares.ndjson'), limits.files, ({ peer }) => peer);
  const stored = await Thinning.of(folder.readLines('stored.ndjson'), limits.files, ({ peer }) => peer);
  const carried = new Carried();
  const events: RunEvent[] = [];
  for await (const event of readEvents(folder)) {
    const slim = event.kind === 'sample' ? carried.thinned(event, samples) : slimmed(event);
    if (slim === undefined) continue;
    if (slim.kind === 'pieces' && !pieces.takes(slim.peer)) continue;
    if (slim.kind === 'share-recorded' && !shares.takes(slim.file.peer)) continue;
    if (slim.kind === 'file-stored' && !stored.takes(slim.file.peer)) continue;
    if (slim.kind === 'operation-ended' && !operations.has(slim.operation.id)) continue;
    if (slim.kind === 'operation-began' && !operations.has(slim.id)) continue;
    events.push(slim);
  }
  return shortened({
    kind: 'run',
    ...{ result, events, units: result.expectations.map(({ expression }) => unitOf(expression)) },
    excerpts: await excerptsOf(folder, facts, result, slowest),
    leftOut: [
      ...operations.leftOut('operations', 'events.ndjson'),
      ...samples.leftOut('samples', 'metrics/samples.ndjson'),
      ...pieces.leftOut('samples', 'pieces.ndjson'),
      ...shares.leftOut('files', 'shares.ndjson'),
      ...stored.leftOut('files', 'stored.ndjson'),
    ],
    again: againText(folder, facts),
  });
}

/** Without what is not drawn: hashes are long, and no two are alike. */
function slimmed(event: RunEvent): RunEvent | undefined {
  if (NOT_DRAWN.has(event.kind)) return undefined;
  if (event.kind === 'share-recorded' || event.kind === 'file-stored')
    return { ...event, file: { ...event.file, sha256: '' } } as RunEvent;
  if (event.kind === 'pieces')
    return { ...event, contents: event.contents.map((content) => ({ ...content, sha256: '' })) };
  if (event.kind === 'operation-ended') {
    const { told, ...operation } = event.operation;
    const slim = told ? { ...operation, told: { size: told.size, sha256: '' } } : operation;
    return { kind: event.kind, at: event.at, operation: slim };
  }
  return event;
}

function shortened<T>(value: T): T {
  const cut = (_: string, inner: unknown) =>
    typeof inner === 'string' && inner.length > MAX_TEXT_CHARS ? `${inner.slice(0, MAX_TEXT_CHARS)}…` : inner;
  return JSON.parse(JSON.stringify(value, cut)) as T;
}

/** The scenario as it was run has the seed in it. */
function againText(folder: ResultsFolder, { driver, tested = [] }: RunFacts): string {
  // Not by way of `latest`, which leads elsewhere soon.
  const whole = path.join(realpathSync(folder.path), 'scenario.yaml');
  const near = path.relative('', whole);
  const scenario = near.startsWith('..') ? whole : near;
  const programs = tested.flatMap(({ role, asked }) => (asked === undefined ? [] : [`--${role}-image`, asked]));
  const words = ['bin/lab', 'run', scenario, '--driver', driver, ...programs];
  return words.map((word) => (/^[\w./:@=-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)).join(' ');
}
