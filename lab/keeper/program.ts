import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { PeerLabError } from '#proto/errors.ts';
import { oomKills } from '../machine/memory-kills.ts';
import { childrenOf, processesWith, usageOfTree } from '../machine/proc.ts';
import { BoundedLog } from './bounded-log.ts';
import type { ProgramSignal, Usage } from './protocol.ts';

const LOG_BYTES = 8 * 1024 * 1024;
/** What a program said last arrives a moment after its end; what it left behind may hold the pipe for ever. */
const LAST_WORDS_MS = 500;
const STRAY_ROUNDS = 20;
const STRAY_PAUSE_MS = 50;
/** Ends of former lives that can still be asked for. */
const ENDS_KEPT = 100;
/** In the environment of the program and of all that it starts: so they are found, wherever they went. */
const MARK = 'PEERLAB_KEPT';
const NOT_FOUND = 127;
const KILLED = 128 + constants.signals.SIGKILL;

export interface End {
  /** `ended with exit code 0`, `ended by SIGKILL`, `could not be started: …` */
  readonly how: string;
  /** For a process that ends in the same way. */
  readonly exitCode: number;
}

export interface ProgramInit {
  readonly command: readonly string[];
  /** Marks its processes. */
  readonly keeper: string;
  readonly out: Writable;
  readonly err: Writable;
  /** A life has ended, and all that belonged to it is gone. */
  readonly ended: (end: End) => void;
}

/** The program that is kept: one process group after another, each a life of it. */
export class Program {
  readonly log = new BoundedLog(LOG_BYTES);
  readonly #init: ProgramInit;
  readonly #ends = new Map<number, Promise<End>>();
  #child: ChildProcess | undefined;
  #life = 0;
  #end: End | undefined;
  #frozen = false;

  constructor(init: ProgramInit) {
    this.#init = init;
  }

  get life(): number {
    return this.#life;
  }

  /** How the present life ended, if it has. */
  get end(): End | undefined {
    return this.#end;
  }

  get isRunning(): boolean {
    return this.#child !== undefined && this.#end === undefined;
  }

  /** The end of a life; undefined when it is not known (any more). */
  endOf(life: number): Promise<End> | undefined {
    return this.#ends.get(life);
  }

  /** @throws PeerLabError `internal` when it runs already */
  start(env: NodeJS.ProcessEnv): number {
    if (this.isRunning) throw new PeerLabError('internal', { expected: 'the end of the program before its start' });
    const [program = '', ...args] = this.#init.command;
    this.#life++;
    this.#end = undefined;
    this.#frozen = false;
    const child = spawn(program, args, {
      env: { ...env, [MARK]: `${this.#init.keeper}.${this.#life}` },
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    const killsBefore = oomKills();
    const said = [this.#pass(child.stdout, this.#init.out), this.#pass(child.stderr, this.#init.err)];
    const end = this.#untilEnded(child, said, killsBefore);
    this.#ends.set(this.#life, end);
    this.#ends.delete(this.#life - ENDS_KEPT);
    return this.#life;
  }

  /** To its whole group: the program may be a shell with the peer below it. Does nothing when it has ended. */
  signal(signal: ProgramSignal): void {
    if (signal === 'STOP') this.#frozen = true;
    this.#send(`SIG${signal}`);
    // What is frozen would not see it.
    if (signal === 'CONT' || (signal === 'TERM' && this.#frozen)) {
      this.#frozen = false;
      this.#send('SIGCONT');
    }
  }

  /** SIGTERM, and SIGKILL when that was not enough. Resolves when it has ended. */
  async stop(graceMs: number): Promise<void> {
    const end = this.#ends.get(this.#life);
    if (!this.isRunning || !end) return;
    this.signal('TERM');
    const late = new AbortController();
    void sleep(graceMs, undefined, { signal: late.signal }).then(
      () => this.signal('KILL'),
      () => {},
    );
    await end;
    late.abort();
  }

  /** Of the program and all that it started; undefined when it has ended. */
  async usage(): Promise<Usage | undefined> {
    const pid = this.#child?.pid;
    return this.isRunning && pid !== undefined ? usageOfTree(pid) : undefined;
  }

  #send(signal: NodeJS.Signals): void {
    const pid = this.#child?.pid;
    if (!this.isRunning || pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch {
      // It ended in this moment.
    }
  }

  /** On to the own output, no faster than that takes it, and into the log. */
  async #pass(from: Readable | null, to: Writable): Promise<void> {
    try {
      for await (const part of from ?? []) {
        this.log.add(part);
        if (!to.write(part)) await once(to, 'drain', { signal: AbortSignal.timeout(LAST_WORDS_MS) }).catch(() => {});
      }
    } catch {
      // The pipe was closed with its reader.
    }
  }

  async #untilEnded(child: ChildProcess, said: Promise<void>[], killsBefore: number): Promise<End> {
    const life = this.#life;
    const end = await new Promise<End>((resolve) => {
      // 'exit' alone can fail to come (the program was not found), 'error' alone does not mean an end.
      child.once('exit', (code, signal) => resolve(endBy(code, signal)));
      child.once('error', (error) => {
        if (child.pid !== undefined) return;
        this.log.add(Buffer.from(`${error.message}\n`));
        resolve({ how: `could not be started: ${error.message}`, exitCode: NOT_FOUND });
      });
    });
    // Now, while the group's number can't have been given to another one.
    this.#send('SIGKILL');
    await this.#killStrays(life);
    await Promise.race([Promise.all(said), sleep(LAST_WORDS_MS)]);
    child.stdout?.destroy();
    child.stderr?.destroy();
    const outOfMemory = end.exitCode === KILLED && oomKills() > killsBefore;
    this.#end = outOfMemory ? { ...end, how: `${end.how}: its memory ran out` } : end;
    this.#init.ended(this.#end);
    return this.#end;
  }

  /**
   * What left its group: what is marked; and what comes to process 1 of a container, whatever it did to be forgotten, since orphans do, and
   * a keeper has no other children. Process 1 is to wait for them; Node waits only for those that it started itself, so that orphans that
   * have ended stay in the list of processes until the container ends. They hold nothing but their number.
   */
  async #killStrays(life: number): Promise<void> {
    for (let round = 0; round < STRAY_ROUNDS; round++) {
      const marked = (await processesWith(MARK)).filter(({ value }) => value === `${this.#init.keeper}.${life}`);
      const strays = new Set([...marked.map(({ pid }) => pid), ...(await childrenOf(process.pid))]);
      if (strays.size === 0) return;
      for (const pid of strays) {
        try {
          process.kill(pid, 'SIGKILL');
        } catch {
          // It ended in this moment.
        }
      }
      await sleep(STRAY_PAUSE_MS);
    }
  }
}

function endBy(code: number | null, signal: NodeJS.Signals | null): End {
  if (signal === null) return { how: `ended with exit code ${code}`, exitCode: code ?? 0 };
  return { how: `ended by ${signal}`, exitCode: 128 + constants.signals[signal] };
}
