import { link } from 'node:fs/promises';
import { join } from 'node:path';
import { MIB, makeFile, mibPerSecond, ROUNDS, Yard } from './kit/fetching.ts';
import { median, Report } from './kit/report.ts';
import type { Peer } from './kit/service.ts';
import { run } from './kit/tools.ts';

/** Many at once: downloads from one source, and sources for one download. */

const AT_ONCE = 16;
const PART_BYTES = 64 * MIB;
const LIMITED_BYTES = 256 * MIB;
const LIMIT = '20MB/s';
const LIMIT_BYTES = 20_000_000;
const SOURCES = 4;

const report = new Report('transfer-many');
await using yard = new Yard();

interface Result {
  readonly seconds: number;
}

/** 16 files of 64 MiB by one peer from one source at once, beside one file as large as all of them. */
async function manyDownloads(): Promise<void> {
  const share = yard.workshop.newFolder();
  const names = Array.from({ length: AT_ONCE }, (_, i) => `part-${i}.bin`);
  for (const [i, name] of names.entries()) makeFile(join(share, name), PART_BYTES, i / 100);
  makeFile(join(share, 'whole.bin'), AT_ONCE * PART_BYTES, 0.5);
  const seeder = await yard.peer(share);
  const single: number[] = [];
  const together: number[] = [];
  const spread: number[] = [];
  let peak = 0;
  for (let round = 0; round < ROUNDS; round++) {
    single.push((await yard.fetchedBy({ name: 'whole.bin' }, seeder)).seconds);
    const leecher = await yard.peer();
    await run('sync', []);
    const began = performance.now();
    const each = await Promise.all(names.map((name) => leecher.control<Result>('download', { name })));
    together.push((performance.now() - began) / 1000);
    const seconds = each.map((one) => one.seconds);
    spread.push(Math.max(...seconds) / median(seconds));
    peak = Math.max(peak, leecher.peakMemoryBytes);
    await yard.dismiss(leecher);
  }
  const bytes = AT_ONCE * PART_BYTES;
  report.row('1 GiB in one file', { seconds: median(single).toFixed(2), 'MiB/s': mibPerSecond(bytes, median(single)) });
  report.row(`1 GiB in ${AT_ONCE} files at once`, {
    seconds: median(together).toFixed(2),
    'MiB/s': mibPerSecond(bytes, median(together)),
    'slowest to median': median(spread).toFixed(2),
  });
  report.atLeast('many-total', median(single) / median(together), 0.9);
  report.atMost('many-slowest', median(spread), 1.3);
  report.atMost('memory-many-receiver-mib', peak / MIB, 150);
  report.atMost('memory-many-sender-mib', seeder.peakMemoryBytes / MIB, 150);
  await yard.dismiss(seeder);
}

/** One file from four sources, each of which sends 20 MB/s at most. */
async function manySources(): Promise<void> {
  const first = yard.workshop.newFolder();
  makeFile(join(first, 'wanted.bin'), LIMITED_BYTES, 0.25);
  const seeders: Peer[] = [];
  for (let i = 0; i < SOURCES; i++) {
    const share = i === 0 ? first : yard.workshop.newFolder();
    if (i > 0) await link(join(first, 'wanted.bin'), join(share, 'wanted.bin'));
    seeders.push(await yard.peer(share, { PEER_UPLOAD_LIMIT: LIMIT }));
  }
  const rates: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const { seconds } = await yard.fetchedBy({ name: 'wanted.bin' }, seeders[0] as Peer);
    rates.push(LIMITED_BYTES / seconds);
  }
  for (const seeder of seeders) await yard.dismiss(seeder);
  const share = median(rates) / (SOURCES * LIMIT_BYTES);
  report.row(`${SOURCES} sources of ${LIMIT}`, {
    seconds: (LIMITED_BYTES / median(rates)).toFixed(2),
    'MB/s': (median(rates) / 1e6).toFixed(1),
  });
  report.atLeast('limited-sources', share, 0.95);
}

await manyDownloads();
await manySources();
report.close();
