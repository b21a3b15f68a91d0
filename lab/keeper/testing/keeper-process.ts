import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { KeeperClient } from '../client.ts';

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));
const LISTENS = /"name":"keeper".*listens at port (\d+)/;

export interface KeeperProcessInit {
  readonly command: readonly string[];
  /** Beside what every keeper of a test gets: the address 127.0.0.1, a free port, a token. */
  readonly env: Readonly<Record<string, string>>;
  /** Only a lab starts the program. */
  readonly isIdle?: boolean;
  /** Another copy of the program. */
  readonly main?: string;
  /** A command before that of the keeper, which it is to be run by. */
  readonly within?: readonly string[];
}

/** A keeper as a process of its own, as it is process 1 of a container. */
export class KeeperProcess implements AsyncDisposable {
  static readonly token = 'token-of-the-keepers';
  readonly child: ChildProcess;
  readonly url: string;
  /** Its exit code; or, by a signal, that. */
  readonly ended: Promise<number | NodeJS.Signals | null>;
  readonly #said: () => string;

  private constructor(child: ChildProcess, port: string, said: () => string, ended: KeeperProcess['ended']) {
    this.child = child;
    this.url = `http://127.0.0.1:${port}`;
    this.#said = said;
    this.ended = ended;
  }

  /** Comes back when it listens. */
  static async start({
    command,
    env,
    isIdle = false,
    main = MAIN,
    within = [],
  }: KeeperProcessInit): Promise<KeeperProcess> {
    const [program = '', ...args] = [
      ...within,
      process.execPath,
      main,
      'serve',
      ...(isIdle ? ['--idle'] : []),
      '--',
      ...command,
    ];
    const child = spawn(program, args, {
      env: {
        ...{ PATH: process.env.PATH, NODE_ENV: 'production', TMPDIR: process.env.TMPDIR },
        ...{ PEER_HOST: '127.0.0.1', PEERLAB_KEEPER_PORT: '0', PEERLAB_KEEPER_TOKEN: KeeperProcess.token },
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const ended = once(child, 'exit').then(([code, signal]) => code ?? signal);
    let said = '';
    const { promise: listens, resolve } = Promise.withResolvers<string>();
    const hear = (part: Buffer) => {
      said += part;
      const port = LISTENS.exec(said)?.[1];
      if (port !== undefined) resolve(port);
    };
    child.stdout?.on('data', hear);
    child.stderr?.on('data', hear);
    const port = await Promise.race([listens, ended.then((how) => Promise.reject(new Error(`${how}: ${said}`)))]);
    return new KeeperProcess(child, port, () => said, ended);
  }

  /** All that it has put out, its program's lines among it. */
  get output(): string {
    return this.#said();
  }

  client(by = 'run-1', token = KeeperProcess.token): KeeperClient {
    return new KeeperClient({ url: this.url, token, by });
  }

  /** Ends it in order, and its program with it; by force when that takes too long. */
  async stop(): Promise<void> {
    this.child.kill('SIGTERM');
    const late = setTimeout(() => this.child.kill('SIGKILL'), 10_000);
    await this.ended;
    clearTimeout(late);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
