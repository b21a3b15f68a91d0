import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, closeSync, constants, openSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { chown, mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A PostgreSQL server made of the programs of this machine: for tests, benchmarks and runs that want one of their own. */

/** Where packages put the programs that are not for everybody's PATH; below it a folder for each version. */
const VERSIONS = '/usr/lib/postgresql';
const NEEDED = ['initdb', 'postgres'] as const;
/** The server refuses to run as root. */
const SERVER_USER = 'postgres';
const INIT_TIMEOUT_MS = 60_000;
const READY_TIMEOUT_MS = 30_000;
const POLL_MS = 20;
const STOP_TIMEOUT_MS = 5000;
/** The kernel's limit for the path of a socket is 107 bytes; its name takes the rest. */
const MAX_FOLDER_BYTES = 85;

export interface PostgresPrograms {
  readonly folder: string;
  /** Whom they run as, where that is another user. */
  readonly as?: { readonly uid: number; readonly gid: number };
}

/** @returns a sentence without a full stop that says what is missing, if something is */
export function findPostgres(): PostgresPrograms | string {
  const folder = placesOfPrograms().find((place) => NEEDED.every((program) => isProgram(path.join(place, program))));
  if (folder === undefined)
    return 'there is no PostgreSQL server: no programs initdb and postgres in PATH or /usr/lib/postgresql';
  if (process.getuid?.() !== 0) return { folder };
  const [, uid, gid] = new RegExp(`^${SERVER_USER}:[^:]*:(\\d+):(\\d+):`, 'm').exec(usersOfMachine()) ?? [];
  if (uid === undefined) return `root can't run a PostgreSQL server, and there is no user ${SERVER_USER} to run it as`;
  return { folder, as: { uid: Number(uid), gid: Number(gid) } };
}

/** @returns a sentence that says which folder on the way to this one the server may not enter, if there is one */
export function whyOutOfReach(folder: string, { as }: PostgresPrograms): string | undefined {
  if (!as) return undefined;
  for (let at = path.resolve(folder); ; at = path.dirname(at)) {
    const { mode, uid } = statSync(at);
    if ((mode & 0o001) === 0 && uid !== as.uid) return `${SERVER_USER} may not enter ${at}`;
    if (at === path.dirname(at)) return undefined;
  }
}

export interface PostgresInit {
  readonly programs: PostgresPrograms;
  /** Is made, and holds all of its files; others than its user can't look into it. */
  readonly folder: string;
  /** What it says goes to the end of it. */
  readonly logFile: string;
  /** Variables that it carries. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A server that listens at a socket in its folder and nowhere else, with the settings for safety as they are by default. */
export class PostgresServer implements AsyncDisposable {
  /** For DIRECTORY_DATABASE_URL. */
  readonly url: string;
  readonly #init: PostgresInit;
  #child: ChildProcess | undefined;

  private constructor(init: PostgresInit) {
    this.#init = init;
    this.url = `postgres:///postgres?host=${encodeURIComponent(init.folder)}&user=${SERVER_USER}`;
  }

  /** Makes a new cluster of databases, and starts its server. @throws Error with what the programs said */
  static async create(init: PostgresInit): Promise<PostgresServer> {
    const { folder, programs } = init;
    if (Buffer.byteLength(folder) > MAX_FOLDER_BYTES) throw new Error(`the path ${folder} is too long for a socket`);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    if (programs.as) await chown(folder, programs.as.uid, programs.as.gid);
    const server = new PostgresServer(init);
    const init0 = server.#spawn('initdb', [
      ...['--pgdata', path.join(folder, 'data'), '--username', SERVER_USER],
      // Who gets as far as the socket is the user of the folder, or root.
      ...['--auth', 'trust', '--encoding', 'UTF8', '--locale', 'C'],
    ]);
    const late = setTimeout(() => init0.kill('SIGKILL'), INIT_TIMEOUT_MS);
    const [code] = await once(init0, 'exit');
    clearTimeout(late);
    if (code !== 0) throw new Error(`initdb ended with ${code}: ${await server.#lastWords()}`);
    await server.start();
    return server;
  }

  /** Starts it, if it does not run, and waits until it takes connections. */
  async start(): Promise<void> {
    if (this.#runs()) return;
    const { folder } = this.#init;
    const settings = {
      listen_addresses: '',
      unix_socket_directories: folder,
      max_connections: '50',
      shared_buffers: '32MB',
      // What a killed server leaves in /dev/shm nobody would remove.
      dynamic_shared_memory_type: 'mmap',
    };
    const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const child = this.#spawn('postgres', ['-D', path.join(folder, 'data'), ...args]);
    this.#child = child;
    const giveUpAt = performance.now() + READY_TIMEOUT_MS;
    while (!(await isReady(folder, child.pid))) {
      if (this.#runs() && performance.now() < giveUpAt) await sleep(POLL_MS);
      else throw new Error(`the PostgreSQL server did not get ready: ${await this.#lastWords()}`);
    }
  }

  get pid(): number | undefined {
    return this.#runs() ? this.#child?.pid : undefined;
  }

  /** To the server's first process, which passes it on as it sees fit. */
  signal(signal: NodeJS.Signals): void {
    if (this.#runs()) this.#child?.kill(signal);
  }

  /** Without asking, as a machine that loses its power would; it is gone afterwards, and can be started again. */
  async kill(): Promise<void> {
    if (!this.#runs()) return;
    const ended = once(this.#child as ChildProcess, 'exit');
    this.signal('SIGKILL');
    await ended;
  }

  /** Without waiting for its clients; at last without asking. */
  async stop(): Promise<void> {
    for (const signal of ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const) {
      if (!this.#runs()) return;
      const ended = once(this.#child as ChildProcess, 'exit');
      this.signal('SIGCONT');
      this.signal(signal);
      await Promise.race([ended, sleep(STOP_TIMEOUT_MS, undefined, { ref: false })]);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #runs(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  #spawn(program: (typeof NEEDED)[number], args: readonly string[]): ChildProcess {
    const { programs, folder, logFile, env } = this.#init;
    const log = openSync(logFile, 'a');
    try {
      return spawn(path.join(programs.folder, program), args, {
        ...{ cwd: folder, detached: true, stdio: ['ignore', log, log], ...programs.as },
        env: { PATH: process.env.PATH, LC_ALL: 'C', ...env },
      });
    } finally {
      closeSync(log);
    }
  }

  async #lastWords(): Promise<string> {
    return (await readFile(this.#init.logFile, 'utf8').catch(() => '')).trim().split('\n').slice(-3).join(' ');
  }
}

/** The server writes its state into the eighth line of its pid file. */
async function isReady(folder: string, pid: number | undefined): Promise<boolean> {
  const lines = (await readFile(path.join(folder, 'data', 'postmaster.pid'), 'utf8').catch(() => '')).split('\n');
  return lines[0] === String(pid) && lines[7]?.trim() === 'ready';
}

function placesOfPrograms(): string[] {
  const versions = listed(VERSIONS).sort((a, b) => Number(b) - Number(a));
  return [
    ...(process.env.PATH ?? '').split(path.delimiter),
    ...versions.map((name) => path.join(VERSIONS, name, 'bin')),
  ];
}

function listed(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function usersOfMachine(): string {
  try {
    return readFileSync('/etc/passwd', 'utf8');
  } catch {
    return '';
  }
}
