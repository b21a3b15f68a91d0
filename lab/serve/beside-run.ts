import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { within } from '../drivers/deadline.ts';

/**
 * The live page beside a run, in a process of its own: who looks on takes no time from the lab. It reads what the lab writes, as
 * `bin/lab serve` does.
 */

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));
const START_TIMEOUT_MS = 15_000;
/** More than it needs to tell those who look on how the run ended (DRAIN_MS in server.ts). */
const END_TIMEOUT_MS = 5000;
const MAX_SAID_CHARS = 2000;

export class PageBesideRun {
  /** With a slash at its end. */
  readonly url: string;
  readonly #child: ChildProcess;

  private constructor(url: string, child: ChildProcess) {
    this.url = url;
    this.#child = child;
  }

  /** @throws Error with what it said, when it can't be started */
  static async start(results: string): Promise<PageBesideRun> {
    // A process group of its own: a Ctrl-C is for the run, and the page shows how it ends.
    const child = spawn(process.execPath, [MAIN, results], { detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
    child.stdin.on('error', () => {}); // It has ended, which is all that can be wanted then.
    try {
      const url = await within(firstLine(child), START_TIMEOUT_MS, () => new Error('it did not start in time'));
      child.unref();
      return new PageBesideRun(url, child);
    } catch (error) {
      child.kill('SIGKILL');
      throw error;
    }
  }

  urlOf(runId: string): string {
    return `${this.url}runs/${runId}`;
  }

  /** Returns when it has ended. */
  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, 'exit');
    this.#child.ref();
    this.#child.stdin?.end();
    await within(gone, END_TIMEOUT_MS, () => new Error('late')).catch(() => this.#child.kill('SIGKILL'));
  }
}

function firstLine(child: ChildProcess): Promise<string> {
  let [said, complaint] = ['', ''];
  child.stderr?.on('data', (part) => {
    complaint = `${complaint}${part}`.slice(-MAX_SAID_CHARS);
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => reject(new Error(complaint.trim() || 'it ended')));
    child.stdout?.on('data', (part) => {
      said = `${said}${part}`.slice(0, MAX_SAID_CHARS);
      if (said.includes('\n')) resolve(said.slice(0, said.indexOf('\n')));
    });
  });
}
