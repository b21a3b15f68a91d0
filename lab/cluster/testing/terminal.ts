import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';

export interface Said {
  readonly line: string;
  readonly code: number;
  /** What appeared on the terminal until the line was done: of the line, and of what runs beside it. */
  readonly output: string;
}

/** A shell that gets one line after another, as from a person: variables and what runs in the background stay. */
export class Terminal implements AsyncDisposable {
  readonly #shell: ChildProcessWithoutNullStreams;
  #heard = '';
  #lines = 0;
  #look = () => {};

  constructor(folder: string, env: NodeJS.ProcessEnv) {
    // A process group of its own: what it leaves in the background ends with it.
    this.#shell = spawn('bash', [], { cwd: folder, env, detached: true });
    for (const stream of [this.#shell.stdout, this.#shell.stderr]) {
      stream.on('data', (part: Buffer) => {
        this.#heard += part;
        this.#look();
      });
    }
    this.#shell.on('close', () => this.#look());
    this.#shell.stdin.write('exec 2>&1\n');
  }

  async run(line: string, timeoutMs: number): Promise<Said> {
    this.#heard = '';
    const mark = `done-${++this.#lines}-${process.pid}`;
    this.#shell.stdin.write(`${line}\necho "${mark} $?"\n`);
    const end = new RegExp(`^(.*?)${mark} (\\d+)\\n`, 's');
    const [, output = '', code] = await this.#until(end, line, timeoutMs);
    return { line, code: Number(code), output };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#shell.pid === undefined || this.#shell.exitCode !== null) return;
    const gone = new Promise((resolve) => this.#shell.once('close', resolve));
    process.kill(-this.#shell.pid, 'SIGKILL');
    await gone;
  }

  #until(pattern: RegExp, line: string, timeoutMs: number): Promise<RegExpExecArray> {
    const { promise, resolve, reject } = Promise.withResolvers<RegExpExecArray>();
    const fail = (why: string) => reject(new Error(`${line}: ${why}; it said:\n${this.#heard}`));
    const timer = setTimeout(() => fail(`not done after ${timeoutMs / 1000} s`), timeoutMs);
    this.#look = () => {
      const found = pattern.exec(this.#heard);
      if (found) resolve(found);
      else if (this.#shell.exitCode !== null) fail('the shell ended');
    };
    this.#look();
    return promise.finally(() => clearTimeout(timer));
  }
}

/** `kubectl port-forward … PORT`, as in another terminal, but on a port of this machine that is free. @returns its URL */
export async function forward(line: string, env: NodeJS.ProcessEnv): Promise<{ url: string } & Disposable> {
  const child = spawn('sh', ['-c', `exec ${line.replace(/ (\d+)$/, ' :$1')}`], { env });
  let heard = '';
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (part: Buffer) => {
      heard += part;
      const port = /Forwarding from 127\.0\.0\.1:(\d+)/.exec(heard)?.[1];
      if (port) resolve(`http://127.0.0.1:${port}`);
    });
  }
  child.on('close', () => reject(new Error(`${line} ended: ${heard}`)));
  return { url: await promise, [Symbol.dispose]: () => void child.kill() };
}
