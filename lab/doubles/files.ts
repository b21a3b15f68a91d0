import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import type { SharedFile } from '#proto/directory-api.ts';

/** The regular files of a folder, with their hashes. */
export async function filesOf(folder: string): Promise<SharedFile[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const files: SharedFile[] = [];
  for (const { name } of entries.filter((entry) => entry.isFile() && !entry.name.startsWith('.peerlab'))) {
    const file = path.join(folder, name);
    const hash = createHash('sha256');
    for await (const part of createReadStream(file)) hash.update(part);
    files.push({ name, size: (await stat(file)).size, sha256: hash.digest('hex') });
  }
  return files;
}
