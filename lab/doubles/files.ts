import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import type { SharedFile } from '#proto/directory-api.ts';
import { type HashTree, TreeHasher } from '#proto/hash-tree.ts';

/** A file, and its hash tree; an empty one has none. */
export interface HashedFile extends SharedFile {
  readonly tree?: HashTree | undefined;
}

/** The regular files of a folder, with their hashes. */
export async function filesOf(folder: string): Promise<HashedFile[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const files: HashedFile[] = [];
  for (const { name } of entries.filter((entry) => entry.isFile() && !entry.name.startsWith('.peerlab'))) {
    const file = path.join(folder, name);
    const { size } = await stat(file);
    const hash = createHash('sha256');
    const hasher = new TreeHasher(size);
    for await (const part of createReadStream(file)) {
      hash.update(part);
      hasher.update(part as Buffer);
    }
    const tree = hasher.digest();
    files.push({ name, size, sha256: hash.digest('hex'), ...(tree && { root: tree.root, tree }) });
  }
  return files;
}
