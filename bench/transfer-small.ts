import { randomFillSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { MIB, ROUNDS, seconds, Yard } from './kit/fetching.ts';
import { alternating, median, Report } from './kit/report.ts';
import { nginx } from './kit/service.ts';
import { run, tool } from './kit/tools.ts';

/** Ten thousand files of 4 KiB from one peer to another, as one batch, beside aria2 with 16 downloads at once from nginx. */

const FILES = 10_000;
const FILE_BYTES = 4096;

const report = new Report('transfer-small');
await using yard = new Yard();
const share = yard.workshop.newFolder();
const content = Buffer.alloc(FILE_BYTES);
const names = Array.from({ length: FILES }, (_, i) => `file-${i}.bin`);
for (const name of names) writeFileSync(join(share, name), randomFillSync(content));
const seeder = await yard.peer(share);
const peaks: number[] = [];

async function byBatch(): Promise<number> {
  const leecher = await yard.peer();
  await run('sync', []);
  const began = performance.now();
  const { files, failures } = await leecher.control<{ files: number; failures: number }>('batch', { match: '*' });
  const took = (performance.now() - began) / 1000;
  if (files !== FILES || failures > 0) throw new Error(`${files} files, ${failures} failures`);
  peaks.push(leecher.peakMemoryBytes);
  await yard.dismiss(leecher);
  return took;
}

async function byAria2(aria2: string, url: string): Promise<number> {
  const folder = yard.workshop.newFolder();
  const list = join(yard.workshop.folder, 'urls');
  writeFileSync(list, names.map((name) => `${url}/${name}\n`).join(''));
  await run('sync', []);
  const took = await seconds(aria2, '-q', '-j16', '--file-allocation=none', '-i', list, '-d', folder);
  const { length } = await readdir(folder);
  if (length !== FILES) throw new Error(`${length} files`);
  await rm(folder, { recursive: true });
  return took;
}

const aria2 = tool('aria2c', 'aria2');
const nginxd = tool('nginx', 'nginx-light');
if (aria2 && nginxd) {
  const web = await nginx(nginxd, share, yard.workshop.newFolder());
  const times = await alternating(ROUNDS, { peerlab: byBatch, aria2: () => byAria2(aria2, web.url) });
  await web.stop();
  const row = (what: string, s: number) =>
    report.row(what, { seconds: s.toFixed(2), 'files/s': Math.round(FILES / s) });
  row('PeerLab, one batch, verified', median(times.peerlab));
  row('aria2 -j16 from nginx, not verified', median(times.aria2));
  report.atMost('small-files', median(times.peerlab) / median(times.aria2), 1);
  report.atMost('memory-small-receiver-mib', Math.max(...peaks) / MIB, 150);
  report.atMost('memory-small-sender-mib', seeder.peakMemoryBytes / MIB, 150);
} else {
  report.missing('aria2 or nginx is not on this machine and could not be installed');
}
report.close();
