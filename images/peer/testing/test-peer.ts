import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { readConfig } from '#base/config.ts';
import { type JsonAnswer, requestJson } from '#base/json-http.ts';
import { addressText } from '#proto/addresses.ts';
import type { SharedFile } from '#proto/directory-api.ts';
import { PEER_ENV, type PeerEnv } from '#proto/env.ts';
import { TreeHasher } from '#proto/hash-tree.ts';
import { type Peer, startPeer } from '../peer.ts';

export const silent = pino({ level: 'silent' });

export const CONTROL_TOKEN = 'control-token';

export function sha256(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

/** Root of the hash tree. */
export function rootOf(content: string | Buffer): string | undefined {
  const data = Buffer.from(content);
  const hasher = new TreeHasher(data.length);
  hasher.update(data);
  return hasher.digest()?.root;
}

/** A file as the directory gets it. */
export function announced(name: string, content: string | Buffer): SharedFile {
  const root = rootOf(content);
  return { name, size: content.length, sha256: sha256(content), ...(root !== undefined && { root }) };
}

/** A folder that is gone when the test ends. */
export async function tempFolder(files: Record<string, string | Buffer> = {}) {
  const path = await mkdtemp(join(tmpdir(), 'peerlab-test-'));
  for (const [name, content] of Object.entries(files)) await writeFile(join(path, name), content);
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** Waits until `condition` gives something truthy; fails with `what` after 5 s. */
export async function eventually<T>(what: string, condition: () => T | Promise<T>): Promise<NonNullable<T>> {
  const endsAt = performance.now() + 5000;
  for (;;) {
    const value = await condition();
    if (value) return value as NonNullable<T>;
    if (performance.now() > endsAt) throw new Error(`waited 5 s for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** A whole peer in this process, on free ports, with a share of its own. */
export class TestPeer implements AsyncDisposable {
  readonly share: string;
  readonly peer: Peer;
  readonly #folder: AsyncDisposable;
  readonly #control: string;

  private constructor(peer: Peer, host: string, folder: { path: string } & AsyncDisposable) {
    this.peer = peer;
    this.#control = `http://${addressText({ ip: host, port: peer.controlPort })}`;
    this.share = folder.path;
    this.#folder = folder;
  }

  static async start(env: PeerEnv = {}, files: Record<string, string | Buffer> = {}): Promise<TestPeer> {
    const folder = await tempFolder(files);
    const config = readConfig(PEER_ENV, {
      PEER_USER: 'ann',
      PEER_PASSWORD: 'secret',
      PEER_DIRECTORY_URL: 'http://127.0.0.1:9',
      PEER_SHARE_DIR: folder.path,
      PEER_PORT: '0',
      PEER_CONTROL_PORT: '0',
      PEER_CONTROL_TOKEN: CONTROL_TOKEN,
      PEER_OPEN: '1',
      ...env,
    });
    try {
      const peer = await startPeer(config, silent);
      await peer.scanned;
      return new TestPeer(peer, config.PEER_HOST, folder);
    } catch (error) {
      await folder[Symbol.asyncDispose]();
      throw error;
    }
  }

  get address(): string {
    return this.peer.address;
  }

  control(verb: string, body: unknown = {}, signal?: AbortSignal, token = CONTROL_TOKEN): Promise<JsonAnswer> {
    const url = `${this.#control}/control/${verb}`;
    return requestJson({ method: 'POST', url, token, body, signal });
  }

  async metrics(): Promise<string> {
    return (await fetch(`${this.#control}/metrics`)).text();
  }

  /** Names of unfinished files. */
  async parts(): Promise<string[]> {
    return (await readdir(join(this.share, '.peerlab'))).filter((name) => !name.startsWith('lock.'));
  }

  /** Whether work may be sent here, and why not. */
  async ready(): Promise<{ status: string; reason?: string }> {
    return (await fetch(`${this.#control}/readyz`)).json() as Promise<{ status: string; reason?: string }>;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.peer.stop();
    await this.#folder[Symbol.asyncDispose]();
  }
}

/** The code of a failed control answer. */
export function codeOf(answer: JsonAnswer): string | undefined {
  return (answer.body as { error?: { code?: string } }).error?.code;
}
