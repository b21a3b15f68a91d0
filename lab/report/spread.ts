import Table from 'cli-table3';
import { printable } from '#proto/printable.ts';
import type { Result } from '../checks/result-schema.ts';
import { actualText, rate, seconds } from './format.ts';

/** How much the figures of several runs of one scenario differ: least, middle and most of each. */
export function spreadTable(results: readonly Result[]): string {
  const table = new Table({
    head: ['figure', 'least', 'middle', 'most'],
    style: { head: [], border: [], compact: true },
    colAligns: ['left', 'right', 'right', 'right'],
  });
  const add = (name: string, text: (value: number) => string, values: readonly (number | null | undefined)[]) => {
    const known = values.filter((value) => value !== null && value !== undefined).sort((a, b) => a - b);
    if (known.length === 0) return;
    table.push([
      printable(name),
      ...[known[0], known[Math.floor(known.length / 2)], known.at(-1)].map((value) => text(value as number)),
    ]);
  };
  add(
    'set-up',
    seconds,
    results.map(({ setupSeconds }) => setupSeconds),
  );
  add(
    'duration',
    seconds,
    results.map(({ durationSeconds }) => durationSeconds),
  );
  add(
    'throughput together',
    rate,
    results.map(({ transfers }) => transfers.throughputBytesPerSecond?.aggregate),
  );
  for (const verb of Object.keys(results[0]?.operations ?? {})) {
    add(
      `${verb} p50`,
      seconds,
      results.map(({ operations }) => operations[verb]?.latency?.p50),
    );
    add(
      `${verb} p95`,
      seconds,
      results.map(({ operations }) => operations[verb]?.latency?.p95),
    );
  }
  for (const [i, { expression }] of (results[0]?.expectations ?? []).entries()) {
    add(
      expression,
      (value) => actualText(expression, value),
      results.map(({ expectations }) => expectations[i]?.actual),
    );
  }
  const verdicts = Map.groupBy(results, ({ verdict }) => verdict);
  const counts = [...verdicts].map(([verdict, some]) => `${some.length} ${verdict}`).join(', ');
  return `${results.length} runs: ${counts}\n${table.toString()}\n`;
}
