import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:http';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { cpuSecondsOf } from './tools.ts';

/** Directories as processes, and a class that logs in at them. */

export const FILES_PER_PEER = 100;
const LOGINS_AT_ONCE = 64;

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
export const DIRECTORY_MAIN = path('../../dist/images/directory/main.js');
/** As the drivers and the image start it. */
const FLAGS = ['--max-semi-space-size=4'];
const MALLOC = { MALLOC_MMAP_THRESHOLD_: '1048576' };
const COMPILE_CACHE = path('../../node_modules/.cache/peerlab');

export interface Started {
  readonly child: ChildProcess;
  readonly line: Record<string, unknown>;
}

/** Starts a program and waits for the line of its output that has `key`. */
export async function start(args: string[], key: string, env: Record<string, string> = {}): Promise<Started> {
  const child = spawn(process.execPath, [...FLAGS, ...args], {
    env: { ...MALLOC, PATH: process.env.PATH, NODE_ENV: 'production', NODE_COMPILE_CACHE: COMPILE_CACHE, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const text of createInterface({ input: child.stdout })) {
    const line = JSON.parse(text);
    if (!(key in line)) continue;
    child.stdout.resume();
    return { child, line };
  }
  throw new Error(`${args[0]} ended before it was ready`);
}

export async function stop({ child }: Started, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  child.kill(signal);
  await once(child, 'exit');
}

export const portOf = ({ line }: Started) => Number(new URL(line.url as string).port);

const number = (n: number, digits: number) => String(n).padStart(digits, '0');
export const nameOf = (peer: number, file: number) => `file-${number(peer, 4)}-${number(file, 2)}.bin`;

export function loginBody(peer: number): string {
  const files = Array.from({ length: FILES_PER_PEER }, (_, file) => {
    const name = nameOf(peer, file);
    return { name, size: 1024, sha256: createHash('sha256').update(name).digest('hex') };
  });
  const user = `user-${number(peer, 4)}`;
  return JSON.stringify({ user, password: `password of ${user}`, ip: '127.0.0.1', port: 20_000 + peer, files });
}

export function post(port: number, path: string, body: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path, method: 'POST' }, async (response) => {
      const parts: Buffer[] = [];
      for await (const part of response) parts.push(part);
      const text = Buffer.concat(parts).toString();
      if (response.statusCode === 200) resolve(text);
      else reject(new Error(`${path}: ${response.statusCode} ${text}`));
    });
    sent.on('error', reject).end(body);
  });
}

/** Peers log in, as many at one time as a class does, at these directories in turns; returns the seconds it took and the token of the first. */
export async function loginStorm(
  directories: readonly Started[],
  peers: number,
): Promise<{ seconds: number; cpuSeconds: number; token: string }> {
  const bodies = Array.from({ length: peers }, (_, peer) => loginBody(peer));
  const used = () => directories.reduce((sum, { child }) => sum + cpuSecondsOf(child.pid as number), 0);
  const startedAt = performance.now();
  const cpuBefore = used();
  let token = '';
  let next = 0;
  const worker = async () => {
    for (let peer = next++; peer < peers; peer = next++) {
      const port = portOf(directories[peer % directories.length] as Started);
      const answer = await post(port, '/login', bodies[peer] as string);
      if (peer === 0) token = JSON.parse(answer).token;
    }
  };
  await Promise.all(Array.from({ length: LOGINS_AT_ONCE }, worker));
  return { seconds: (performance.now() - startedAt) / 1000, cpuSeconds: used() - cpuBefore, token };
}
