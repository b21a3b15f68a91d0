import { join } from 'node:path';
import { type Fetched, kit, MIB, makeFile, mibPerSecond, ROUNDS, seconds, sha256Of, Yard } from './kit/fetching.ts';
import { startRelay } from './kit/relay.ts';
import { alternating, median, Report } from './kit/report.ts';
import { nginx } from './kit/service.ts';
import { serving, tool } from './kit/tools.ts';

/**
 * One file of 1 GiB from one peer to another, beside the tools that people would take instead: wall time from the request until
 * the file is whole under its name on the disk, and checked. The second time over a path with a round trip of 20 ms.
 */

const FILE_BYTES = 1024 * MIB;
/** The predecessor's way takes a minute for a gigabyte: a part of it tells the rate. */
const SLOW_BYTES = 64 * MIB;
const DELAY_MS = 10;

const report = new Report('transfer-single');
await using yard = new Yard();
const served = yard.workshop.newFolder();
const file = join(served, 'file.bin');
makeFile(file, FILE_BYTES);
makeFile(join(served, 'part.bin'), SLOW_BYTES, 0.5);
const sha256 = await sha256Of(file);
const seeder = await yard.peer(served);
const fetched: Fetched[] = [];

async function byPeer(request: object): Promise<number> {
  const one = await yard.fetchedBy(request, seeder);
  fetched.push(one);
  return one.seconds;
}

function byCurl(curl: string, url: string): Promise<number> {
  return yard.fetchedTo(async (folder) => {
    const target = join(folder, 'f');
    return (await seconds(curl, '-sSo', target, url)) + (await seconds('sha256sum', target));
  });
}

function byAria2(aria2: string, url: string): Promise<number> {
  const args = ['-q', '-x4', '-s4', '-k1M', '--file-allocation=none', `--checksum=sha-256=${sha256}`];
  return yard.fetchedTo((folder) => seconds(aria2, ...args, '-d', folder, url));
}

function byProgram(name: string, port: string | number): Promise<number> {
  return yard.fetchedTo((folder) => seconds(process.execPath, kit(name), 'fetch', String(port), join(folder, 'f')));
}

function row(what: string, s: number): void {
  report.row(what, { seconds: s.toFixed(2), 'MiB/s': mibPerSecond(FILE_BYTES, s) });
}

async function onLoopback(url: string, curl: string, aria2: string): Promise<void> {
  const predecessor = await serving(kit('predecessor'), join(served, 'part.bin'));
  const plain = await serving(kit('plain-tcp'), file);
  const times = await alternating(ROUNDS, {
    peerlab: () => byPeer({ name: 'file.bin' }),
    curl: () => byCurl(curl, url),
    aria2: () => byAria2(aria2, url),
    predecessor: () => byProgram('predecessor', predecessor.port),
    plain: () => byProgram('plain-tcp', plain.port),
  });
  await predecessor.stop();
  await plain.stop();
  const peerlab = median(times.peerlab);
  const slow = (median(times.predecessor) * FILE_BYTES) / SLOW_BYTES;
  row('PeerLab, verified', peerlab);
  row('curl from nginx, then sha256sum', median(times.curl));
  row('aria2 with 4 connections from nginx, --checksum', median(times.aria2));
  row(`the predecessor's way, not verified (from ${SLOW_BYTES / MIB} MiB)`, slow);
  row('plain TCP from Node to Node, not verified', median(times.plain));
  report.atMost('verified-1gib-curl', peerlab / median(times.curl), 0.8);
  report.atMost('verified-1gib-aria2', peerlab / median(times.aria2), 0.45);
  report.atLeast('verified-1gib-predecessor', slow / peerlab, 20);
}

async function onLongPath(url: string, curl: string): Promise<void> {
  await using toPeer = await startRelay(Number(seeder.address.split(':')[1]), DELAY_MS);
  await using toWeb = await startRelay(Number(new URL(url).port), DELAY_MS);
  const plain = await serving(kit('plain-tcp'), file);
  await using toPlain = await startRelay(Number(plain.port), DELAY_MS);
  const times = await alternating(ROUNDS, {
    peerlab: () => byPeer({ name: 'file.bin', from: `127.0.0.1:${toPeer.port}`, sha256 }),
    curl: () => byCurl(curl, `http://127.0.0.1:${toWeb.port}/file.bin`),
    relay: () => byProgram('plain-tcp', toPlain.port),
  });
  await plain.stop();
  row('20 ms: PeerLab, verified', median(times.peerlab));
  row('20 ms: curl from nginx, then sha256sum', median(times.curl));
  row('20 ms: the relay itself, plain TCP, not verified', median(times.relay));
  report.atLeast('verified-20ms-curl', median(times.curl) / median(times.peerlab), 0.9);
}

const curl = tool('curl', 'curl');
const aria2 = tool('aria2c', 'aria2');
const nginxd = tool('nginx', 'nginx-light');
if (curl && aria2 && nginxd) {
  const web = await nginx(nginxd, served, yard.workshop.newFolder());
  await onLoopback(`${web.url}/file.bin`, curl, aria2);
  await onLongPath(`${web.url}/file.bin`, curl);
  await web.stop();
  const cpu = (pick: (one: Fetched) => number) => `${median(fetched.map(pick)).toFixed(2)} s`;
  report.row('CPU for each GiB: receiver', { seconds: cpu((one) => one.cpuSeconds) });
  report.row('CPU for each GiB: sender', { seconds: cpu((one) => one.senderCpuSeconds) });
  const received = Math.max(...fetched.map(({ peakMemoryBytes }) => peakMemoryBytes));
  report.atMost('memory-receiver-mib', received / MIB, 150);
  report.atMost('memory-sender-mib', seeder.peakMemoryBytes / MIB, 150);
} else {
  for (const [name, found] of Object.entries({ curl, aria2, nginx: nginxd }))
    if (!found) report.missing(`${name} is not on this machine and could not be installed`);
}
report.close();
