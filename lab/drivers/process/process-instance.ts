import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { PeerLabError } from '#proto/errors.ts';
import { PROMISES } from '#proto/promises.ts';
import { setNice, usageOf } from '../../machine/proc.ts';
import { readShare } from '../../machine/share-folder.ts';
import { within } from '../deadline.ts';
import type { Instance, InstanceUsage, StoredFile } from '../driver.ts';
import { LAST_WORDS_BYTES, lastWords } from '../last-words.ts';

/**
 * In equal parts the one directory would get a hundredth of the CPU beside a hundred peers, as would the lab: it would answer within seconds, and
 * the run would measure that. Less than 0 takes rights that not every user has; peers give way in any case.
 */
const NICE = { directory: -5, peer: 5 } as const;
/** After SIGKILL only a process that hangs in the kernel is still there. */
const KILL_TIMEOUT_MS = 5000;

export interface ProcessInit {
  readonly name: string;
  readonly role: 'directory' | 'peer';
  readonly url: string;
  readonly address: string;
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly logFile: string;
  /** It did not end within its grace, and is about to be killed. */
  readonly onKill: (graceMs: number) => void;
  /** Absent for a directory. */
  readonly shareFolder?: string;
}

/** A service as a child process, with a process group of its own: a Ctrl-C in the terminal reaches the lab only. */
export class ProcessInstance implements Instance {
  readonly name: string;
  readonly role: 'directory' | 'peer';
  readonly url: string;
  readonly address: string;
  readonly ended: Promise<string>;
  /** What it was started with: the same gives it another life. */
  readonly init: ProcessInit;
  readonly #child: ChildProcess;
  readonly #shareFolder: string | undefined;
  readonly #logFile: string;
  readonly #gone = new AbortController();
  #paused = false;

  /** Starts the process; whether it gets ready is for the caller to find out. */
  constructor(init: ProcessInit) {
    this.init = init;
    this.name = init.name;
    this.role = init.role;
    this.url = init.url;
    this.address = init.address;
    this.#shareFolder = init.shareFolder;
    this.#logFile = init.logFile;
    this.#child = start(init);
    if (this.#child.pid !== undefined) void setNice(this.#child.pid, NICE[init.role]);
    this.ended = new Promise((resolve) => {
      // 'exit' alone can fail to come (the program was not found), 'error' alone does not mean an end.
      this.#child.once('exit', (code, signal) => {
        this.#killGroup();
        this.#gone.abort();
        resolve(`${init.name} ended ${signal ? `by ${signal}` : `with exit code ${code}`}`);
      });
      this.#child.once('error', (error) => {
        if (this.#child.pid !== undefined) return;
        this.#gone.abort();
        resolve(`${init.name} could not be started: ${error.message}`);
      });
    });
  }

  /** Fires when the instance has ended. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  storedFiles(): AsyncIterable<StoredFile> {
    return readShare(this.#shareFolder ?? '/nonexistent');
  }

  async usage(): Promise<InstanceUsage | undefined> {
    const pid = this.#livePid();
    return pid === undefined ? undefined : usageOf(pid);
  }

  async stop(graceMs = PROMISES.end.ms): Promise<void> {
    if (this.gone.aborted) return;
    this.#signal('SIGTERM');
    // A frozen process would not see the SIGTERM.
    if (this.#paused) await this.resume();
    const inOrder = within(this.ended, graceMs, () => new Error('late'));
    await inOrder.catch(() => {
      this.init.onKill(graceMs);
      return this.kill();
    });
  }

  async kill(): Promise<void> {
    if (this.gone.aborted) return;
    this.#signal('SIGKILL');
    const late = () =>
      new PeerLabError('no-answer', { about: this.name, expected: `its end within ${KILL_TIMEOUT_MS} ms of SIGKILL` });
    await within(this.ended, KILL_TIMEOUT_MS, late);
  }

  async pause(): Promise<void> {
    this.#paused = true;
    this.#signal('SIGSTOP');
  }

  async resume(): Promise<void> {
    this.#paused = false;
    this.#signal('SIGCONT');
  }

  /** The last words of its log, for an error message. */
  async logTail(): Promise<string> {
    const handle = await open(this.#logFile).catch(() => undefined);
    if (!handle) return '';
    try {
      const { size } = await handle.stat();
      const { buffer, bytesRead } = await handle.read({
        buffer: Buffer.alloc(LAST_WORDS_BYTES),
        position: Math.max(0, size - LAST_WORDS_BYTES),
      });
      return lastWords(buffer.toString('utf8', 0, bytesRead));
    } finally {
      await handle.close();
    }
  }

  #livePid(): number | undefined {
    return this.gone.aborted ? undefined : this.#child.pid;
  }

  /** To the whole group: a command of the user's may be a shell with the peer below it. */
  #signal(signal: NodeJS.Signals): void {
    const pid = this.#livePid();
    if (pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch {
      // It ended in this moment.
    }
  }

  /** What its leader left behind goes with it: now, while the group's number can't have been given to another one. */
  #killGroup(): void {
    this.#signal('SIGKILL');
  }
}

function start({ command, env, cwd, logFile }: ProcessInit): ChildProcess {
  const log = openSync(logFile, 'a');
  try {
    const [program = '', ...args] = command;
    return spawn(program, args, { env, cwd, detached: true, stdio: ['ignore', log, log] });
  } finally {
    closeSync(log);
  }
}
