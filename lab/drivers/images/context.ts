import { cp, mkdir, readFile, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { ROOT, type Services } from '../artifacts.ts';
import { makeStaging } from './staging.ts';

/** WHAT GOES INTO THE IMAGES: a folder for each, laid out like the files in /app, with the Dockerfile beside them. */

export const KINDS = ['base', 'directory', 'peer', 'double'] as const;
export type ImageKind = (typeof KINDS)[number];

interface LockedPackage {
  readonly dev?: boolean;
  readonly devOptional?: boolean;
}

/** Types, source maps and manuals are of no use in an image; without them the packages are half as large. */
const NOT_RUN = /\.(map|d\.[cm]?ts|[cm]?ts|md|markdown)$/;

/** Lays out the contexts of all images, calls `work` with a way to find them, and removes them again. */
export async function withContexts<T>(
  services: Services,
  work: (folderOf: (kind: ImageKind) => string) => Promise<T>,
): Promise<T> {
  const folder = await makeStaging('images');
  const folderOf = (kind: ImageKind) => join(folder, kind);
  try {
    await layOut(services.dist, folderOf('base'), ['package.json', 'proto', 'images/base']);
    await layOut(services.dist, folderOf('directory'), ['images/directory']);
    await layOut(services.dist, folderOf('peer'), ['images/peer']);
    await layOut(ROOT, folderOf('double'), ['lab/doubles']);
    await copyPackages(folderOf('base'));
    for (const kind of KINDS) await cp(dockerfileOf(kind), join(folderOf(kind), 'Dockerfile'));
    return await work(folderOf);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Path of the Dockerfile of an image. */
export function dockerfileOf(kind: ImageKind): string {
  return kind === 'double' ? join(ROOT, 'lab', 'doubles', 'Dockerfile') : join(ROOT, 'images', kind, 'Dockerfile');
}

/** Folders in node_modules of the packages that the services need, and the part of the lock file that pins them. */
export async function productionPackages(): Promise<{ folders: string[]; pinned: string }> {
  const lock = JSON.parse(await readFile(join(ROOT, 'package-lock.json'), 'utf8'));
  const packages = Object.entries(lock.packages as Record<string, LockedPackage>);
  const production = packages.filter(([path, { dev, devOptional }]) => path && !dev && !devOptional);
  return { folders: production.map(([path]) => path), pinned: JSON.stringify(production) };
}

async function layOut(from: string, to: string, names: readonly string[]): Promise<void> {
  for (const name of names) {
    await mkdir(dirname(join(to, name)), { recursive: true });
    await cp(join(from, name), join(to, name), { recursive: true });
  }
}

/** Each package by itself, without its own node_modules: what lies there is in the list too, when it is needed. */
async function copyPackages(to: string): Promise<void> {
  const { folders } = await productionPackages();
  for (const folder of folders) {
    const source = join(ROOT, folder);
    await cp(source, join(to, folder), {
      recursive: true,
      filter: (path) => path === source || (basename(path) !== 'node_modules' && !NOT_RUN.test(path)),
    });
  }
}
