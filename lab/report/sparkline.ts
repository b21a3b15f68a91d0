import { addBytes, type Bins, NO_THROUGHPUT, type Throughput } from '../../page/model/throughput.ts';
import type { Result } from '../checks/result-schema.ts';
import type { ResultsFolder } from '../history/results-folder.ts';
import { rate } from './format.ts';

/** How throughput went, on one line. It is for looking; the figures are in the result. */

const BARS = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const MAX_BARS = 50;
/** With more operations than that, it would take a while; report.html has a drawing. */
const MAX_OPERATIONS = 100_000;

/** Undefined when nothing was moved, or too much to add up in passing. */
export async function throughputLine(
  folder: ResultsFolder,
  { transfers, operations }: Result,
): Promise<string | undefined> {
  const count = Object.values(operations).reduce((sum, one) => sum + one.count, 0);
  if (transfers.bytes === 0 || count > MAX_OPERATIONS) return undefined;
  const bins: Bins = { ...NO_THROUGHPUT, bytes: [] };
  for await (const { bytes, start, end } of folder.readLines('events.ndjson'))
    addBytes(bins, [{ from: start, to: end }], bytes);
  return sparkline(bins);
}

/** As many bars as the line is long, or as there are bins; bytes of a transfer came evenly from its start to its end. */
export function sparkline({ binSeconds, bytes }: Throughput): string | undefined {
  const each = Math.max(1, Math.ceil(bytes.length / MAX_BARS));
  const rates = Array.from({ length: Math.ceil(bytes.length / each) }, (_, n) => {
    const some = bytes.slice(n * each, (n + 1) * each);
    return some.reduce((sum, one) => sum + one, 0) / (some.length * binSeconds);
  });
  const most = Math.max(0, ...rates);
  if (most === 0) return undefined;
  // What is little is not nothing.
  const bar = (one: number) => (one === 0 ? ' ' : BARS[Math.max(0, Math.ceil((one / most) * BARS.length) - 1)]);
  return `${rates.map(bar).join('')}  at most ${rate(most)}`;
}
