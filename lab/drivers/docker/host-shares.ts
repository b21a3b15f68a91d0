import { setTimeout as sleep } from 'node:timers/promises';
import type { Container } from 'dockerode';
import type { StoredFile } from '../driver.ts';
import type { EngineConnection } from './connection.ts';
import { readShare } from './share-volume.ts';

/** Whoever asks within this time is served by one reading. */
const GATHER_MS = 20;

/**
 * The folders of a host's peers, on its one volume. For each archive the engine starts a program, so peers that ask at about the same time
 * share a reading; none gets one that began before it asked.
 */
export class HostShares {
  readonly #engine: EngineConnection;
  readonly #container: Container;
  #next: Promise<ReadonlyMap<string, StoredFile[]>> | undefined;

  constructor(engine: EngineConnection, container: Container) {
    this.#engine = engine;
    this.#container = container;
  }

  /** What lies in the folder of a peer. */
  async *storedFiles(peer: string): AsyncGenerator<StoredFile> {
    this.#next ??= sleep(GATHER_MS).then(() => {
      this.#next = undefined;
      return this.#read();
    });
    yield* (await this.#next).get(peer) ?? [];
  }

  async #read(): Promise<Map<string, StoredFile[]>> {
    const folders = new Map<string, StoredFile[]>();
    for await (const { name: path, ...file } of readShare(this.#engine, this.#container)) {
      const slash = path.indexOf('/');
      if (slash < 0) continue; // The list of peers.
      const peer = path.slice(0, slash);
      const files = folders.get(peer) ?? [];
      folders.set(peer, files);
      files.push({ name: path.slice(slash + 1), ...file });
    }
    return folders;
  }
}
