import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { reasonOf } from '#proto/errors.ts';
import type { Limits } from './rubric.ts';

/**
 * WHERE A SUBMISSION RUNS. Two walls, both of namespaces of Linux: the enclosure has the lab and all peers of one submission in it, with a
 * network, processes, and a temporary folder of a bounded size of its own; a cage in it has one peer, which sees no file but its own, and
 * not the lab. Who grades as root gives each submission a user of its own, beside that. Nothing outlives the enclosure.
 */

const SCRIPTS = import.meta.dirname;
const MIB = 1024 * 1024;
/** Users without a name: above those of people and below those of containers' ranges. */
const FIRST_UID = 62_000;
const PROBE_TIMEOUT_MS = 10_000;

const amRoot = () => process.getuid?.() === 0;

/** Of the submission with this number; only root can give one. */
export function uidOf(number: number): number | undefined {
  return amRoot() ? FIRST_UID + number : undefined;
}

/** @returns the command of a program that runs in an enclosure; `tmp` is a folder that is there and empty */
function enclosed(tmp: string, bytes: number, program: readonly string[]): string[] {
  const user = amRoot() ? [] : ['--user', '--map-root-user'];
  const own = ['--mount', '--net', '--pid', '--ipc', '--fork', '--kill-child=KILL', '--mount-proc'];
  return ['unshare', ...user, ...own, 'sh', path.join(SCRIPTS, 'enclosure.sh'), tmp, String(bytes), ...program];
}

export interface Cage {
  /** An empty folder. */
  readonly root: string;
  /** The submission. */
  readonly home: string;
  readonly uid: number | undefined;
  readonly limits: Pick<Limits, 'processes' | 'fileMiB'>;
  readonly see: readonly string[];
}

/** @returns a command that starts `words` in a cage; works inside of an enclosure only */
export function caged({ root, home, uid, limits, see }: Cage, words: readonly string[]): string[] {
  const own = ['--mount', '--pid', '--ipc', '--fork', '--kill-child=KILL'];
  const bounds = [String(uid ?? ''), String(limits.processes), String(limits.fileMiB * MIB), see.join('\n')];
  return ['unshare', ...own, 'sh', path.join(SCRIPTS, 'cage.sh'), root, home, ...bounds, ...words];
}

/** One enclosure, with a program in it. */
export class Enclosure {
  /** Of the program; undefined when it was killed. */
  readonly ended: Promise<number | undefined>;
  readonly #child: ChildProcess;

  constructor(program: readonly string[], { diskMiB }: Pick<Limits, 'diskMiB'>, output: number) {
    const tmp = mkdtempSync(path.join(tmpdir(), 'peerlab-grade-'));
    const [command = '', ...args] = enclosed(tmp, diskMiB * MIB, program);
    // A group of its own: a Ctrl-C reaches the lab that grades, which ends this.
    this.#child = spawn(command, args, { stdio: ['ignore', output, output], detached: true });
    this.ended = new Promise((resolve) => {
      const end = (code: number | undefined) => {
        rmSync(tmp, { recursive: true, force: true });
        resolve(code);
      };
      this.#child.once('error', () => end(undefined));
      this.#child.once('close', (code) => end(code ?? undefined));
    });
  }

  /** At once, and with everything in it. */
  kill(): void {
    this.#child.kill('SIGKILL');
  }
}

/** @returns why no enclosure and cage can be made here, with what would help; undefined if they can */
export function whyNoEnclosure(): string | undefined {
  const tmp = mkdtempSync(path.join(tmpdir(), 'peerlab-grade-'));
  try {
    const inside = path.join(SCRIPTS, 'probe.sh');
    const cage: Cage = {
      ...{ root: path.join(tmp, 'view'), home: path.join(tmp, 'home'), uid: uidOf(0) },
      ...{ limits: { processes: 64, fileMiB: 16 }, see: [] },
    };
    const [program = '', ...args] = enclosed(tmp, 16 * MIB, [
      'sh',
      inside,
      cage.root,
      cage.home,
      ...caged(cage, ['true']),
    ]);
    const { status, stderr, error } = spawnSync(program, args, { timeout: PROBE_TIMEOUT_MS, encoding: 'utf8' });
    if (status === 0) return undefined;
    return error ? reasonOf(error) : stderr.trim().split('\n').at(-1) || `the trial ended with ${status}`;
  } finally {
    rmSync(tmp, { recursive: true, force: true });
  }
}
