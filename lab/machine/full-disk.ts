import { constants } from 'node:fs';
import { open, statfs } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

const CHECK_MS = 20;
const CHUNK = Buffer.alloc(64 * 1024);
/** From linux/fcntl.h: a file without a name. Nobody finds it in the folder, and it is gone with who holds it. */
const O_TMPFILE = 0o20000000 | constants.O_DIRECTORY;

/** Takes all that is free on the disk of a folder, and what others give back meanwhile, until the signal fires. Node alone. */
export async function keepFull(folder: string, signal?: AbortSignal): Promise<void> {
  const file = await open(folder, O_TMPFILE | constants.O_RDWR, 0o600);
  try {
    const take = async (chunk: Buffer) => {
      try {
        while (!signal?.aborted && (await file.write(chunk)).bytesWritten > 0);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      }
    };
    while (!signal?.aborted) {
      // The last page, too.
      for (const chunk of [CHUNK, CHUNK.subarray(0, 4096), CHUNK.subarray(0, 1)]) await take(chunk);
      await sleep(CHECK_MS, undefined, { ...(signal && { signal }) }).catch(() => {});
    }
  } finally {
    await file.close();
  }
}

export async function freeBytesOf(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}
