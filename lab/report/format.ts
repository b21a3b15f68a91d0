import prettyBytes from 'pretty-bytes';
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

/** What a reader must know of how the figures were made. */
export function notes({ logsByRule = [] }: Result): string[] {
  if (logsByRule.length === 0) return [];
  return [`Errors and warnings in the logs of ${logsByRule.join(', ')} were counted by the scenario's own rule.`];
}

/** The actual value of an expectation, in the unit that its figure is named in. */
export function actualText(expression: string, actual: number | null, missing = 'not known'): string {
  if (actual === null) return missing;
  if (/latency|[sS]econds/.test(expression)) return seconds(actual);
  if (/BytesPerSecond/.test(expression)) return rate(actual);
  if (/[bB]ytes/.test(expression)) return bytes(actual);
  return String(actual);
}
