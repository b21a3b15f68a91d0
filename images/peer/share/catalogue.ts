import type { SharedFile } from '#proto/directory-api.ts';
import { type HashTree, pieceSizeOf } from '#proto/hash-tree.ts';
import type { Identity } from './regular-file.ts';

/** A shared file and the state of the file on disk that its hash was made from. */
export interface ShareEntry extends SharedFile {
  readonly identity: Identity;
  /** Kept for files of more than one piece: 32 bytes for each. */
  readonly tree?: HashTree;
}

/** What was learned of a file: its hashes, as an entry carries them. */
export function hashesOf(sha256: string, tree: HashTree | undefined): Pick<ShareEntry, 'sha256' | 'root' | 'tree'> {
  if (!tree) return { sha256 };
  return tree.layer.length > 32 ? { sha256, root: tree.root, tree } : { sha256, root: tree.root };
}

export function treeOf({ size, root, tree }: ShareEntry): HashTree | undefined {
  if (tree || root === undefined) return tree;
  return { root, pieceSizeBytes: pieceSizeOf(size), layer: Buffer.from(root, 'hex') };
}

/** What is shared now, found by name and by content. Holds no file open and asks no disk. */
export class Catalogue {
  readonly #byName = new Map<string, ShareEntry>();
  readonly #namesBySha256 = new Map<string, Set<string>>();
  #version = 0;
  #bytes = 0;

  /** Grows with every change, so that whoever passed the list on can tell whether it is still the same. */
  get version(): number {
    return this.#version;
  }

  get size(): number {
    return this.#byName.size;
  }

  /** Bytes of all files together. */
  get bytes(): number {
    return this.#bytes;
  }

  byName(name: string): ShareEntry | undefined {
    return this.#byName.get(name);
  }

  /** Any of the files that have this content. */
  bySha256(sha256: string): ShareEntry | undefined {
    const [name] = this.#namesBySha256.get(sha256) ?? [];
    return name === undefined ? undefined : this.#byName.get(name);
  }

  names(): string[] {
    return [...this.#byName.keys()];
  }

  /** The list as the directory gets it. */
  list(): SharedFile[] {
    return Array.from(this.#byName.values(), ({ name, size, sha256, root }) => ({
      ...{ name, size, sha256 },
      ...(root !== undefined && { root }),
    }));
  }

  set(entry: ShareEntry): void {
    this.delete(entry.name);
    this.#byName.set(entry.name, entry);
    const names = this.#namesBySha256.get(entry.sha256);
    if (names) names.add(entry.name);
    else this.#namesBySha256.set(entry.sha256, new Set([entry.name]));
    this.#bytes += entry.size;
    this.#version++;
  }

  delete(name: string): void {
    const entry = this.#byName.get(name);
    if (!entry) return;
    this.#byName.delete(name);
    const names = this.#namesBySha256.get(entry.sha256);
    names?.delete(name);
    if (names?.size === 0) this.#namesBySha256.delete(entry.sha256);
    this.#bytes -= entry.size;
    this.#version++;
  }
}
