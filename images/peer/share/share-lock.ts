import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { lstat, open, readdir, rename, rm } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PeerLabError } from '#proto/errors.ts';

/** Each owner's name is its own and never used again, so that one that nobody answers to can be removed without a doubt. */
const PREFIX = 'lock.';
/** Two that come at the same moment see each other: both step back, and come again after a random time. */
const MAX_ATTEMPTS = 8;
const STEP_BACK_MS = 50;
/** The kernel connects even to a process that is stopped; who does not say what it is has the share. */
const ANSWER_MS = 500;

type Standing = 'owner' | 'candidate' | 'dead';

/**
 * One peer to a share. Whoever wants it puts a socket into the folder of unfinished files, listens at it, and only then looks for others. A
 * process that is killed leaves its name behind, but the kernel refuses to connect to it. So there is no process id that another process may
 * have got since, no clock, and no wait. It counts between containers too, which have the kernel in common; but it can't tell machines apart
 * that share a folder over the network.
 */
export class ShareLock implements AsyncDisposable {
  readonly #path: string;
  readonly #server: Server;
  #standing: Standing = 'candidate';
  #inode: bigint | undefined;

  private constructor(path: string) {
    this.#path = path;
    this.#server = createServer((socket) => {
      socket.on('error', () => {});
      socket.end(this.#standing);
    });
  }

  /** @throws PeerLabError `share-in-use` when another peer has it; otherwise what the system says */
  static async take(folder: string): Promise<ShareLock> {
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      await using opened = new AsyncDisposableStack();
      const lock = opened.use(await ShareLock.#enter(folder));
      const others = await lock.#others(folder);
      if (others.includes('owner')) break;
      if (others.length === 0 && (await lock.isHeld())) {
        lock.#standing = 'owner';
        opened.move();
        return lock;
      }
      await opened.disposeAsync();
      await sleep(Math.random() * STEP_BACK_MS * attempt);
    }
    throw new PeerLabError('share-in-use');
  }

  static async #enter(folder: string): Promise<ShareLock> {
    const name = randomBytes(8).toString('hex');
    const lock = new ShareLock(join(folder, PREFIX + name));
    await using opened = new AsyncDisposableStack();
    opened.use(lock);
    await within(folder, (place) => listen(lock.#server, join(place, name)));
    lock.#inode = (await lstat(join(folder, name), { bigint: true })).ino;
    // Seen by others only from now on: before it listens it would be taken for dead.
    await rename(join(folder, name), lock.#path);
    opened.move();
    return lock;
  }

  /** False when the folder was removed or replaced since. */
  async isHeld(): Promise<boolean> {
    const stats = await lstat(this.#path, { bigint: true }).catch(() => undefined);
    return stats !== undefined && stats.ino === this.#inode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (await this.isHeld()) await rm(this.#path, { force: true });
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #others(folder: string): Promise<Standing[]> {
    const living: Standing[] = [];
    for (const name of await readdir(folder)) {
      if (!name.startsWith(PREFIX) || join(folder, name) === this.#path) continue;
      const standing = await within(folder, (place) => ask(join(place, name)));
      if (standing === 'dead') await rm(join(folder, name), { force: true });
      else living.push(standing);
    }
    return living;
  }
}

/** The path of a socket is no longer than 107 bytes, that of a share may be: `use` gets a short one. */
async function within<T>(folder: string, use: (place: string) => Promise<T>): Promise<T> {
  const handle = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    return await use(`/proc/self/fd/${handle.fd}`);
  } finally {
    await handle.close();
  }
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.unref();
      resolve();
    });
  });
}

/** Who can't be asked is taken for an owner. */
function ask(path: string): Promise<Standing> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const end = (standing: Standing) => {
      socket.destroy();
      resolve(standing);
    };
    let said = '';
    socket.setTimeout(ANSWER_MS, () => end('owner'));
    socket.on('data', (data) => {
      said += data;
    });
    socket.once('end', () => end(said === 'candidate' ? 'candidate' : 'owner'));
    socket.once('error', ({ code }: NodeJS.ErrnoException) =>
      end(code === 'ECONNREFUSED' || code === 'ENOENT' ? 'dead' : 'owner'),
    );
  });
}
