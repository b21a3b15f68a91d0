import prettyBytes from 'pretty-bytes';
import { counted } from '#proto/units.ts';
import type { Result } from '../checks/result-schema.ts';

/** Numbers as people read them; the same in the terminal and in summary.md. */

export function seconds(value: number): string {
  if (value < 1) return `${(value * 1000).toFixed(value < 0.01 ? 1 : 0)} ms`;
  return `${value.toFixed(value < 10 ? 2 : 1)} s`;
}

export function bytes(value: number): string {
  return prettyBytes(value, { binary: true });
}

export function rate(bytesPerSecond: number): string {
  return `${prettyBytes(bytesPerSecond, { maximumFractionDigits: 1 })}/s`;
}

/** What was tested, on one line. */
export function testedLine(tested: Result['tested']): string {
  const digestChars = 12;
  const isOnly = tested.filter(({ role }) => role === 'peer').length === 1;
  return `Tested: ${tested.map((one) => `${playerText(one, isOnly)} ${programText(one, digestChars)}`).join('; ')}`;
}

/** Who ran a program. @param isOnly all peers ran the same */
export function playerText({ role, groups = [] }: Result['tested'][number], isOnly: boolean): string {
  return role === 'directory' ? 'directory' : isOnly ? 'peers' : `peers of ${groups.join(', ')}`;
}

/** A program as exactly as it is known. @param digestChars how much of a digest is shown */
export function programText(one: Result['tested'][number], digestChars = 64): string {
  const { name, isOwn, version, digest, files = [] } = one;
  const short = (hash: string) => hash.replace(/^sha256:/, '').slice(0, digestChars);
  const exact = [
    ...(version === undefined ? [] : [`version ${version}`]),
    ...(digest === undefined ? [] : [`sha256:${short(digest)}`]),
    ...files.map(({ path, sha256 }) => `${path} sha256:${short(sha256)}`),
  ].join(', ');
  return `${isOwn ? "PeerLab's own" : name}${exact === '' ? '' : ` (${exact})`}`;
}

/** One row for each operation: name, count, failed, p50, p95. */
export function operationRows(result: Result): string[][] {
  return Object.entries(result.operations).map(([verb, { count, failed, latency }]) => [
    verb,
    String(count),
    String(failed),
    latency ? seconds(latency.p50) : '–',
    latency ? seconds(latency.p95) : '–',
  ]);
}

export const OPERATION_HEAD = ['operation', 'count', 'failed', 'p50', 'p95'];

export function transferLine({ transfers }: Result): string {
  const { ok, failed, bytes: moved, throughputBytesPerSecond: throughput } = transfers;
  const rates = throughput ? `; ${rate(throughput.p50)} each (median), ${rate(throughput.aggregate)} together` : '';
  return `${ok} ok, ${failed} failed, ${bytes(moved)} moved${rates}`;
}

/** Kinds of failures that are told on the terminal and the page; result.json has more. */
const MAX_FAILURE_LINES = 10;

/** Why operations failed: a line for each kind and code. */
export function failureLines({ failedOperations = [] }: Result): string[] {
  const lines = failedOperations.slice(0, MAX_FAILURE_LINES).map(({ operation, code, count, example }) => {
    const { peer, file, message, log, line } = example;
    const place = line === undefined ? log : `${log}:${line}`;
    return `${count} × ${operation}, ${code}: ${peer}${file === undefined ? '' : ` "${file}"`}: ${message} (${place})`;
  });
  const more = failedOperations.length - lines.length;
  return more > 0 ? [...lines, `${more} more kinds: see result.json (failedOperations)`] : lines;
}

/** From here on, what is slow may be so for want of a processor. */
const BUSY = 0.8;

/** What a reader must know of how the figures were made. */
export function notes({ verdict, resources, logsByRule = [], logsElsewhere = [], waits = [] }: Result): string[] {
  const busy = verdict === 'pass' ? 0 : (resources.cpuPressure ?? 0);
  const [byRule, elsewhere] = [logsByRule.join(', '), logsElsewhere.join(', ')];
  return [
    ...waits.map(waitText),
    ...(busy >= BUSY
      ? [`The machine was busy: in ${(busy * 100).toFixed(0)} % of the time some program waited for a processor.`]
      : []),
    ...(byRule ? [`Errors and warnings in the logs of ${byRule} were counted by the scenario's own rule.`] : []),
    ...(elsewhere ? [`The log of ${elsewhere} is not counted: it stood before the run, and keeps its log.`] : []),
  ];
}

/** Files that no share can hold: some, each with its reason, and how many more. */
export function leftOutLines({ count, examples }: { count: number; examples: readonly LeftOutExample[] }): string[] {
  const lines = examples.map(({ name, reason }) => `Left out: ${JSON.stringify(name)}, ${reason}`);
  const more = count - examples.length;
  return more > 0 ? [...lines, `Left out: ${counted(more, 'more file')}`] : lines;
}
type LeftOutExample = NonNullable<Result['leftOut']>['examples'][number];

export function waitText({
  peer,
  seconds: waited,
  step,
  operation,
  file,
  code,
}: NonNullable<Result['waits']>[number]): string {
  const what = file === undefined ? operation : `${operation} of "${file}"`;
  const how = code === undefined ? '' : `, which failed: ${code}`;
  return `All others waited ${seconds(waited)} for ${peer} in step ${step} (${what}${how}).`;
}

/** What the figure of an expectation is measured in, by its name. */
export function unitOf(expression: string): 'seconds' | 'bytes' | 'bytes/s' | 'count' {
  if (/latency|[sS]econds/.test(expression)) return 'seconds';
  if (/BytesPerSecond/.test(expression)) return 'bytes/s';
  return /[bB]ytes/.test(expression) ? 'bytes' : 'count';
}

const TEXT_IN = {
  seconds,
  bytes,
  'bytes/s': rate,
  count: (value: number) => String(Number(value.toFixed(4))),
} as const;

/** The actual value of an expectation, in the unit that its figure is named in. */
export function actualText(expression: string, actual: number | null, missing = 'not known'): string {
  return actual === null ? missing : TEXT_IN[unitOf(expression)](actual);
}
