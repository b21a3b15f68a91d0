import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { kit } from './fetching.ts';
import type { Report } from './report.ts';
import type { Workshop } from './service.ts';
import { findTool, tool } from './tools.ts';

/** The crowds of other programs: one seeder and some leechers, each with the same limit on what it sends. */

export interface OtherSwarm {
  readonly name: string;
  /** What PeerLab may need of the time that this program needs, in its best way. */
  readonly bar: number;
  readonly ways: readonly { readonly name: string; readonly command: readonly string[]; readonly more: string[] }[];
}

const FASTER_THAN_LIBTORRENT = 0.6;
const AHEAD = 1;
const LIBTORRENT = fileURLToPath(new URL('./libtorrent-swarm.py', import.meta.url));
const INSTALL_TIMEOUT_MS = 120_000;
const OWN_NETWORK = ['--user', '--map-root-user', '--net', '--pid', '--fork', '--kill-child'];

/** Those that are available here; the others are named in the report. */
export function otherSwarms(workshop: Workshop, report: Report): OtherSwarm[] {
  const python = libtorrentPython(workshop);
  if (!python) report.missing('libtorrent: it could not be installed from PyPI');
  const libtorrent = {
    name: 'libtorrent',
    bar: FASTER_THAN_LIBTORRENT,
    ways: ['default', 'super'].map((mode) => ({
      ...{ name: `libtorrent, ${mode === 'super' ? 'super-seeding' : mode}`, more: [mode] },
      command: [python ?? '', LIBTORRENT],
    })),
  };
  const clients = [
    { name: 'aria2', command: tool('aria2c', 'aria2') },
    { name: 'transmission', command: tool('transmission-daemon', 'transmission-daemon') },
  ];
  const unshare = ownNetwork();
  if (!unshare) report.missing('aria2, transmission: they need a network namespace, of `unshare` and `ip`');
  for (const { name, command } of clients) if (!command) report.missing(`${name}: it is not installed`);
  const withNetwork = clients.flatMap(({ name, command }) => {
    if (!unshare || !command) return [];
    const program = [unshare, ...OWN_NETWORK, process.execPath, kit('bittorrent-swarm'), name, command];
    return [{ name, bar: AHEAD, ways: [{ name, command: program, more: [] }] }];
  });
  return [...(python ? [libtorrent] : []), ...withNetwork];
}

/** @returns seconds until the last has the file, and how many copies the seeder sent */
export async function timeOtherSwarm(
  workshop: Workshop,
  { name, command: [program = '', ...args], more }: OtherSwarm['ways'][number],
  { leechers, sizeMib, seeder }: { leechers: number; sizeMib: number; seeder: number },
): Promise<{ seconds: number; seederCopies: number }> {
  const folder = workshop.newFolder();
  const words = [...args, folder, leechers, sizeMib, seeder, ...more].map(String);
  const { stdout, stderr, status } = spawnSync(program, words, { encoding: 'utf8' });
  await rm(folder, { recursive: true });
  if (status !== 0) throw new Error(`${name}: ${stderr}`);
  const [seconds = Number.NaN, seederCopies = Number.NaN] = stdout.trim().split(' ').map(Number);
  return { seconds, seederCopies };
}

/** Python with libtorrent from PyPI, in a folder of its own, or the one that LIBTORRENT_PYTHON names; undefined where there is none. */
function libtorrentPython(workshop: Workshop): string | undefined {
  const [given, python] = [process.env.LIBTORRENT_PYTHON, findTool('python3')];
  if (given !== undefined) return existsSync(given) ? given : undefined;
  if (!python) return undefined;
  const folder = join(workshop.newFolder(), 'venv');
  const options = { stdio: 'ignore' as const, timeout: INSTALL_TIMEOUT_MS };
  try {
    execFileSync(python, ['-m', 'venv', folder], options);
    execFileSync(join(folder, 'bin/pip'), ['install', '-q', 'libtorrent'], options);
  } catch {
    return undefined;
  }
  return join(folder, 'bin/python');
}

function ownNetwork(): string | undefined {
  const unshare = findTool('unshare');
  if (!unshare || !findTool('ip')) return undefined;
  const { status } = spawnSync(unshare, [...OWN_NETWORK, 'ip', 'link', 'set', 'lo', 'up'], { stdio: 'ignore' });
  return status === 0 ? unshare : undefined;
}
