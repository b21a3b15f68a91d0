import { appendFileSync, mkdirSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { PeerLabError } from '#proto/errors.ts';
import { FOLLOWED } from '../history/follow-events.ts';
import { isResultFile } from '../history/result-files.ts';
import { writeWhole } from '../history/write-whole.ts';
import type { CopyAnswer, CopyMessage } from './copy.ts';

/** COPIES OF RUNS, as labs send them (copy-post.ts): bounded, and the oldest makes room for a new one. */

const MAX_RUN_BYTES = 64 * 1024 * 1024;
const MAX_RUNS = 3;
/** A lab that is at work says something more often. */
const SILENT_MS = 15_000;

export class Copies {
  readonly #root: string;
  /** The runs of which something came, the latest last: when, and how many bytes. */
  readonly #runs = new Map<string, { heardAt: number; bytes: number }>();

  /** @param root an empty folder */
  constructor(root: string) {
    this.#root = path.resolve(root);
  }

  /** Whether its lab is still at work, as far as it is known here. */
  isLive(runId: string): boolean {
    const { heardAt = Number.NEGATIVE_INFINITY } = this.#runs.get(runId) ?? {};
    return performance.now() - heardAt < SILENT_MS;
  }

  has(runId: string): boolean {
    return this.#runs.has(runId);
  }

  /** @throws PeerLabError `bad-request`, `body-too-large` */
  take({ runId, parts, wholes }: CopyMessage): CopyAnswer {
    const strange = [...parts, ...wholes].find(({ file }) => !isResultFile(file));
    if (strange) throw new PeerLabError('bad-request', { expected: 'files of a run', got: strange.file.slice(0, 80) });
    const known = this.#runs.get(runId) ?? { heardAt: 0, bytes: 0 };
    const more = [...parts, ...wholes].reduce((sum, { text }) => sum + Buffer.byteLength(text), 0);
    if (known.bytes + more > MAX_RUN_BYTES)
      throw new PeerLabError('body-too-large', { expected: `at most ${MAX_RUN_BYTES} bytes of a run` });
    this.#runs.delete(runId);
    this.#runs.set(runId, { heardAt: performance.now(), bytes: known.bytes + more });
    this.#makeRoom();
    const folder = path.join(this.#root, runId);
    for (const inner of ['logs', 'metrics']) mkdirSync(path.join(folder, inner), { recursive: true });
    // In this order: what a timeline began is there when it ends in another file.
    for (const { file, from, text } of parts)
      if (sizeOf(folder, file) === from) appendFileSync(path.join(folder, file), text);
    for (const { file, text } of wholes) writeWhole(path.join(folder, file), text);
    return { sizes: Object.fromEntries(FOLLOWED.map((file) => [file, sizeOf(folder, file)])) };
  }

  #makeRoom(): void {
    for (const old of [...this.#runs.keys()].slice(0, Math.max(0, this.#runs.size - MAX_RUNS))) {
      this.#runs.delete(old);
      rmSync(path.join(this.#root, old), { recursive: true, force: true });
    }
  }
}

function sizeOf(folder: string, file: string): number {
  return statSync(path.join(folder, file), { throwIfNoEntry: false })?.size ?? 0;
}
