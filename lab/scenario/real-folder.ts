import { accessSync, constants, type Dirent, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { matchesGlob, nameFlaw } from '#proto/names.ts';
import { printable } from '#proto/printable.ts';
import type { PlannedFile } from '../language/world.ts';

/** A file of a folder that no share can hold, and why. */
export interface LeftOut {
  /** The folder, and the name below it; bytes that are not UTF-8 are shown as U+FFFD. */
  readonly folder: string;
  readonly name: string;
  readonly reason: string;
}

/** Nobody reads more of them. */
const MAX_TOLD = 10;

/** What to tell of files that were left out: how many, and some of them. */
export interface LeftOutFiles {
  readonly count: number;
  readonly examples: readonly { readonly name: string; readonly reason: string }[];
}

export function toldOf(leftOut: readonly LeftOut[]): LeftOutFiles {
  // Several groups may share one folder.
  const files = [...new Map(leftOut.map((one) => [`${one.folder}/${one.name}`, one])).values()];
  const examples = files.slice(0, MAX_TOLD).map(({ name, reason }) => ({ name: printable(name), reason }));
  return { count: files.length, examples };
}

export interface RealFolder {
  /** In the order of their names. */
  readonly files: readonly PlannedFile[];
  readonly leftOut: readonly LeftOut[];
}

/** Entries of a folder and what is below it: more than these are a slip, such as `from: /`. */
export const MAX_ENTRIES = 100_000;

/**
 * The files below `root` that match; subfolders become part of the names. What can't be shared is left out, and said.
 * @returns undefined when there are more than `MAX_ENTRIES`
 * @throws when `root` itself can't be read
 */
export function readFolder(root: string, include: string): RealFolder | undefined {
  const files: PlannedFile[] = [];
  const leftOut: LeftOut[] = [];
  let left = MAX_ENTRIES;
  const visit = (folder: string, prefix: string) => {
    const entries = readdirSync(folder, { withFileTypes: true, encoding: 'buffer' });
    left -= entries.length;
    if (left < 0) return;
    for (const { entry, text } of inOrder(entries)) {
      const name = prefix + text;
      const full = path.join(folder, text);
      const skip = (reason: string) => leftOut.push({ folder: root, name, reason });
      const reason = flawOf(entry, text, full);
      if (reason !== undefined) {
        if (matchesGlob(name, include)) skip(reason);
      } else if (entry.isDirectory()) {
        visit(full, `${name}__`);
      } else if (matchesGlob(name, include)) {
        const flaw = nameFlaw(name);
        if (flaw) skip(`its name would be ${flaw}`);
        else files.push({ name, sizeBytes: statSync(full).size, content: { path: full } });
      }
    }
  };
  visit(root, '');
  return left < 0 ? undefined : { files, leftOut };
}

function inOrder(entries: Dirent<Buffer>[]): { entry: Dirent<Buffer>; text: string }[] {
  return entries.map((entry) => ({ entry, text: entry.name.toString() })).sort((a, b) => (a.text < b.text ? -1 : 1));
}

/** Why neither it nor, if it is a folder, anything in it can be shared. */
function flawOf(entry: Dirent<Buffer>, text: string, full: string): string | undefined {
  if (!Buffer.from(text).equals(entry.name)) return 'its name is not UTF-8';
  if (entry.isSymbolicLink()) return 'a symbolic link';
  if (!entry.isFile() && !entry.isDirectory()) return 'neither a file nor a folder';
  try {
    accessSync(full, entry.isDirectory() ? constants.R_OK | constants.X_OK : constants.R_OK);
    return undefined;
  } catch (error) {
    return `it can't be read (${(error as NodeJS.ErrnoException).code})`;
  }
}
