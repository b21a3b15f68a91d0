import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { KeeperProcess } from '../../../keeper/testing/keeper-process.ts';
import { FreePorts } from '../../../machine/ports.ts';
import { COMPILE_CACHE } from '../../artifacts.ts';
import { waitUntilHealthy } from '../../readiness.ts';

export interface StandingNetworkInit {
  readonly directory: readonly string[];
  readonly peer: readonly string[];
  readonly peers: number;
  /** Of each peer's pod, beside what it must have. */
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * A network that stands, as pods would: a directory, and peers that are kept, on free ports of 127.0.0.1. What pods are on
 * a cluster are processes here.
 */
export class StandingNetwork implements AsyncDisposable {
  readonly directory: string;
  readonly keepers: readonly KeeperProcess[];
  readonly shares: readonly string[];
  readonly controls: readonly string[];
  readonly #folder: string;
  readonly #child: ChildProcess;

  private constructor(
    folder: string,
    child: ChildProcess,
    directory: string,
    pods: readonly { keeper: KeeperProcess; share: string; control: string }[],
  ) {
    this.#folder = folder;
    this.#child = child;
    this.directory = directory;
    this.keepers = pods.map(({ keeper }) => keeper);
    this.shares = pods.map(({ share }) => share);
    this.controls = pods.map(({ control }) => control);
  }

  static async start({ directory, peer, peers, env = {} }: StandingNetworkInit): Promise<StandingNetwork> {
    const folder = mkdtempSync(path.join(tmpdir(), 'standing-'));
    const free = new FreePorts();
    const port = await free.take();
    const url = `http://127.0.0.1:${port}`;
    const [program = '', ...args] = directory;
    const child = spawn(program, args, {
      env: {
        ...{
          PATH: process.env.PATH,
          NODE_ENV: 'production',
          TMPDIR: process.env.TMPDIR,
          NODE_COMPILE_CACHE: COMPILE_CACHE,
        },
        ...{ DIRECTORY_HOST: '127.0.0.1', DIRECTORY_PORT: String(port) },
      },
      stdio: 'ignore',
    });
    const pods = Array.from({ length: peers }, async (_, i) => {
      const share = path.join(folder, `peers-${i + 1}`);
      mkdirSync(share);
      const [at, control] = [String(await free.take()), String(await free.take())];
      const keeper = await KeeperProcess.start({
        command: peer,
        env: {
          ...{ PEER_USER: `peers-${i + 1}`, PEER_PASSWORD: 'of the pod', PEER_CONTROL_TOKEN: 'of-the-pod' },
          ...{ PEER_PORT: at, PEER_ADVERTISE: `127.0.0.1:${at}`, PEER_CONTROL_PORT: control, PEER_SHARE_DIR: share },
          // As the image sets it: a start is most of what a test takes.
          ...{ PEER_DIRECTORY_URL: url, PEER_LOGIN: '1', NODE_COMPILE_CACHE: COMPILE_CACHE, ...env },
        },
      });
      return { keeper, share, control: `http://127.0.0.1:${control}` };
    });
    const network = new StandingNetwork(folder, child, url, await Promise.all(pods));
    for (const of of [url, ...network.keepers.map((keeper) => keeper.url)]) await healthy(of);
    return network;
  }

  /** As the lab is told where it is. */
  get settings(): Record<string, string> {
    return {
      PEERLAB_STANDING_DIRECTORY: this.directory,
      PEERLAB_STANDING_KEEPERS: this.keepers.map(({ url }) => url).join(','),
      PEERLAB_STANDING_TOKEN: KeeperProcess.token,
    };
  }

  async stop(): Promise<void> {
    if (!existsSync(this.#folder)) return;
    await Promise.all(this.keepers.map((keeper) => keeper.stop()));
    this.#child.kill('SIGKILL');
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, 'exit');
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

async function healthy(url: string): Promise<void> {
  const never = new AbortController().signal;
  await waitUntilHealthy(`${url}/healthz`, url, 30_000, never, never);
}
