import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { PeerLabError } from '#proto/errors.ts';
import { within } from '../drivers/deadline.ts';
import { identityOf, type ProcessIdentity } from './identity.ts';
import { announce } from './living.ts';
import { dropRecord, type RunRecord, writeRecord } from './record.ts';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));
/** For the watchdog to leave once it was told that all is done. */
const LEAVE_TIMEOUT_MS = 2000;

export type WatchdogInit = Pick<RunRecord, 'runId' | 'driver' | 'scenario' | 'results'>;

/** The lab's end of the watchdog (main.ts) of one run. */
export class Watchdog {
  readonly #init: WatchdogInit;
  readonly #lost = new AbortController();
  #child: ChildProcess | undefined;
  #announced: Disposable | undefined;
  #gone = Promise.resolve();
  #isDone = false;

  constructor(init: WatchdogInit) {
    this.#init = init;
  }

  /** Fires, with the error `watchdog-lost` as its reason, when the watchdog ended while the run went on. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** To be called before anything is made that would outlive the lab. */
  start(): void {
    this.#announced = announce(this.#init.runId);
    const lab = identityOf(process.pid) as ProcessIdentity;
    const record: RunRecord = { ...this.#init, begunAt: new Date().toISOString(), lab };
    // A process group of its own: a Ctrl-C or the end of the terminal does not reach it. What it has to say is in watchdog.log.
    const child = spawn(process.execPath, [MAIN, JSON.stringify(record)], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    this.#child = child;
    this.#gone = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        this.#lose(signal ? `it was ended by ${signal}` : `it ended with exit code ${code}`);
        resolve();
      });
      child.once('error', (error) => {
        this.#lose(error.message);
        resolve();
      });
    });
    child.stdin?.on('error', () => {}); // Its end is noticed by `exit`.
    child.unref();
    (child.stdin as Socket | null)?.unref();
    const watchdog = child.pid === undefined ? undefined : identityOf(child.pid);
    writeRecord({ ...record, ...(watchdog && { watchdog }) });
  }

  /**
   * The run has ended in order: the watchdog leaves without doing anything.
   * @param leftovers what the driver could not remove: with any, the run's record stays for the next command to try again
   */
  async done(leftovers: readonly string[]): Promise<void> {
    if (this.#isDone) return this.#gone;
    this.#isDone = true;
    if (leftovers.length === 0) dropRecord(this.#init.runId);
    this.#child?.stdin?.end('done\n');
    await within(this.#gone, LEAVE_TIMEOUT_MS, () => new Error('late')).catch(() => {});
    this.#announced?.[Symbol.dispose]();
  }

  #lose(got: string): void {
    if (!this.#isDone) this.#lost.abort(new PeerLabError('watchdog-lost', { got }));
  }
}
