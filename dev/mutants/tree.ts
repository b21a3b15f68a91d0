import { execFileSync } from 'node:child_process';
import { cp, lstat, mkdir, symlink } from 'node:fs/promises';
import path from 'node:path';
import { PeerLabError } from '#proto/errors.ts';

/** Copies of the working tree, to be broken without harm. */

const MAX_LISTING_BYTES = 16 * 1024 * 1024;

/**
 * Copies what git tracks and what it would track: the tree as it is now, committed or not. Packages are a link to those of `root`.
 * @throws PeerLabError `usage` when `root` is no git checkout
 */
export async function copyCheckout(root: string, to: string): Promise<void> {
  for (const file of filesOf(root)) {
    const from = path.join(root, file);
    // A file that was deleted and not yet committed is listed all the same.
    if (!(await lstat(from).catch(() => undefined))) continue;
    await mkdir(path.dirname(path.join(to, file)), { recursive: true });
    await cp(from, path.join(to, file), { verbatimSymlinks: true });
  }
  await symlink(path.join(root, 'node_modules'), path.join(to, 'node_modules'));
}

/** Copies a copy, with what was built in it. */
export function copyTree(from: string, to: string): Promise<void> {
  return cp(from, to, { recursive: true, verbatimSymlinks: true });
}

function filesOf(root: string): string[] {
  try {
    const listing = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
    const output = execFileSync('git', listing, {
      cwd: root,
      encoding: 'utf8',
      maxBuffer: MAX_LISTING_BYTES,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return output.split('\0').filter((file) => file !== '' && file !== 'node_modules');
  } catch (cause) {
    throw new PeerLabError('usage', { expected: 'a git checkout, from which the tree is copied', cause });
  }
}
