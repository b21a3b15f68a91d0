import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type JsonAnswer, requestJson } from '#base/json-http.ts';
import type { PeerEnv } from '#proto/env.ts';
import { CONTROL_TOKEN } from './test-peer.ts';

/** Start-up is most of what a test with processes takes. */
const COMPILE_CACHE = fileURLToPath(new URL('../../../node_modules/.cache/peerlab-test', import.meta.url));
const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));

/** A whole peer in a process of its own, which can be killed and stopped. */
export class PeerProcess implements AsyncDisposable {
  readonly address: string;
  readonly controlPort: number;
  readonly #child: ChildProcess;
  readonly #control: string;

  private constructor(child: ChildProcess, address: string, control: number) {
    this.#child = child;
    this.address = address;
    this.controlPort = control;
    this.#control = `http://127.0.0.1:${control}`;
  }

  /** @param under a command that becomes the one behind it, such as one that mounts the share first */
  static async start(share: string, env: PeerEnv = {}, under: readonly string[] = []): Promise<PeerProcess> {
    const [command = process.execPath, ...args] = [...under, process.execPath, '--max-semi-space-size=1', MAIN];
    const child = spawn(command, args, {
      env: {
        ...{ PEER_USER: 'ann', PEER_PASSWORD: 'secret', PEER_DIRECTORY_URL: 'http://127.0.0.1:9' },
        ...{ PEER_SHARE_DIR: share, PEER_PORT: '0', PEER_CONTROL_PORT: '0', PEER_CONTROL_TOKEN: CONTROL_TOKEN },
        ...{ NODE_COMPILE_CACHE: COMPILE_CACHE, PATH: process.env.PATH, ...env },
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    if (!child.stdout) throw new Error('no output');
    const lines = createInterface({ input: child.stdout });
    for await (const line of lines) {
      const { msg, grpc, control } = JSON.parse(line);
      if (msg !== 'ready') continue;
      // What comes later is not kept, but has to be read.
      child.stdout.resume();
      return new PeerProcess(child, grpc, control);
    }
    throw new Error('the peer ended before it was ready');
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  control(verb: string, body: unknown = {}): Promise<JsonAnswer> {
    const url = `${this.#control}/control/${verb}`;
    return requestJson({ method: 'POST', url, token: CONTROL_TOKEN, body });
  }

  /** Whether work may be sent here, and why not. */
  async ready(): Promise<{ status: string; reason?: string }> {
    return (await fetch(`${this.#control}/readyz`)).json() as Promise<{ status: string; reason?: string }>;
  }

  /** The value of one sample, 0 when there is none. */
  async sample(name: string): Promise<number> {
    const text = await (await fetch(`${this.#control}/metrics`)).text();
    const line = text.split('\n').find((one) => one.startsWith(`${name} `));
    return Number(line?.slice(name.length) ?? 0);
  }

  signal(name: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void {
    this.#child.kill(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exited;
  }
}
