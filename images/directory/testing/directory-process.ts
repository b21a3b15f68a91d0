import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { DirectoryEnv } from '#proto/env.ts';

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));

/** A directory as a process of its own, on a free port, that can be killed. */
export class DirectoryProcess implements AsyncDisposable {
  readonly url: string;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, url: string) {
    this.#child = child;
    this.url = url;
  }

  /** @throws with its exit code and what it wrote on stderr, when it ends instead of getting ready */
  static async start(env: DirectoryEnv): Promise<DirectoryProcess> {
    const child = spawn(process.execPath, [MAIN], {
      env: { PATH: process.env.PATH, DIRECTORY_PORT: '0', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    let errors = '';
    child.stderr?.on('data', (text) => {
      errors += text;
    });
    const url = await new Promise<string>((resolve, reject) => {
      child.once('exit', (code) => reject(Object.assign(new Error(`exit code ${code}: ${errors}`), { code, errors })));
      child.stdout?.on('data', (text) => {
        output += text;
        const [, found] = /"url":"([^"]+)"/.exec(output) ?? [];
        if (found) resolve(found);
      });
    });
    return new DirectoryProcess(child, url);
  }

  /** Memory that the process holds now. */
  rssBytes(): number {
    const [, kib] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${this.#child.pid}/status`, 'utf8')) ?? [];
    return Number(kib) * 1024;
  }

  /** As SIGSTOP and SIGCONT do. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#child.kill(signal);
  }

  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end('SIGTERM');
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill(signal);
    await ended;
  }
}
