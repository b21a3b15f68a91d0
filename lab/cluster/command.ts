import { spawn } from 'node:child_process';
import { PeerLabError, reasonOf } from '#proto/errors.ts';

/** So much of what a program says is kept. */
const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;

export interface CommandInit {
  /** For its standard input. */
  readonly input?: string;
  /** A program whose output becomes this one's input. */
  readonly from?: readonly string[];
}

/**
 * Runs a program of this machine to its end, and gives what it wrote.
 * @throws PeerLabError `command-failed`, with its last words
 */
export async function command(words: readonly string[], { input, from }: CommandInit = {}): Promise<string> {
  if (from === undefined) return ended(words, start(words), input);
  const source = start(from);
  const sink = start(words);
  source.stdout.pipe(sink.stdin);
  const [, said] = await Promise.all([ended(from, source), ended(words, sink, undefined, false)]);
  return said;
}

function start([program = '', ...args]: readonly string[]) {
  return spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
}

function ended(
  words: readonly string[],
  child: ReturnType<typeof start>,
  input?: string,
  closesInput = true,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let bytes = 0;
    let errors = '';
    const fail = (got: string) => reject(new PeerLabError('command-failed', { about: words.join(' '), got }));
    child.stdout.on('data', (part: Buffer) => {
      bytes += part.length;
      if (bytes <= MAX_OUTPUT_BYTES) parts.push(part);
    });
    child.stderr.on('data', (part: Buffer) => {
      errors = `${errors}${part}`.slice(-2000);
    });
    child.on('error', (error) => fail(reasonOf(error)));
    child.on('close', (code, signal) => {
      if (code === 0) resolve(Buffer.concat(parts).toString());
      else fail(errors.trim() || `it ended with ${signal ?? `exit code ${code}`}`);
    });
    // A program that ends without reading says why.
    child.stdin.on('error', () => {});
    if (closesInput) child.stdin.end(input);
  });
}
