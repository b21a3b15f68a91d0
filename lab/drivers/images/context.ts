import { cp, mkdir, readFile, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { ROOT, type Services } from '../artifacts.ts';
import { builtPage, PAGES } from '../build-page.ts';
import { makeStaging } from './staging.ts';

/** WHAT GOES INTO THE IMAGES: a folder for each, laid out like the files in /app, with the Dockerfile beside them. */

/** Those that runs on an engine need. */
export const KINDS = ['base', 'directory', 'peer', 'double'] as const;
/** The lab in an image is for clusters only: it is built when it is asked for. */
export type ImageKind = (typeof KINDS)[number] | 'lab';

/** What the lab imports beside the packages of the services. Those of tests and of the build are not in its image. */
const LAB_PACKAGES = [
  ...[
    '@kubernetes/client-node',
    'cli-table3',
    'dockerode',
    'junit-report-builder',
    'pretty-bytes',
    'tar-stream',
    'yaml',
  ],
];
/** Of the services, what `lab simulate` runs itself: the pure code that they decide by. */
const SIMULATED = ['images/peer/choosers', 'images/directory/ranking.ts', 'images/directory/swarms.ts'];
/** What is only for tests, and the scenario whose files are those of a checkout. */
const ONLY_IN_CHECKOUTS = /\.(test|contract)\.ts$|\/real-files\.yaml$/;

interface LockedPackage {
  readonly dev?: boolean;
  readonly devOptional?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** Types, source maps and manuals are of no use in an image; without them the packages are half as large. */
const NOT_RUN = /\.(map|d\.[cm]?ts|[cm]?ts|md|markdown)$/;

/** Lays out the contexts of the images of these kinds, calls `work` with a way to find them, and removes them again. */
export async function withContexts<T>(
  services: Services,
  kinds: readonly ImageKind[],
  work: (folderOf: (kind: ImageKind) => string) => Promise<T>,
): Promise<T> {
  const folder = await makeStaging('images');
  const folderOf = (kind: ImageKind) => join(folder, kind);
  try {
    for (const kind of kinds) {
      await LAY_OUT[kind](folderOf(kind), services.dist);
      await cp(dockerfileOf(kind), join(folderOf(kind), 'Dockerfile'));
    }
    return await work(folderOf);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const LAY_OUT: Record<ImageKind, (folder: string, dist: string) => Promise<void>> = {
  base: async (folder, dist) => {
    await layOut(dist, folder, ['package.json', 'proto', 'images/base']);
    await copyPackages(folder, (await productionPackages()).folders);
  },
  directory: (folder, dist) => layOut(dist, folder, ['images/directory']),
  peer: (folder, dist) => layOut(dist, folder, ['images/peer']),
  double: (folder) => layOut(ROOT, folder, ['lab/doubles']),
  lab: async (folder) => {
    const names = ['lab', 'scenarios', 'suites', 'page/model', ...SIMULATED];
    await layOut(ROOT, folder, names, (path) => !ONLY_IN_CHECKOUTS.test(path));
    // There is nothing to build them with in the image.
    for (const page of PAGES) await builtPage(page);
    await layOut(ROOT, folder, ['dist/page'], (path) => !basename(path).startsWith('.'));
    await copyPackages(folder, (await labPackages()).folders);
  },
};

/** Path of the Dockerfile of an image. */
export function dockerfileOf(kind: ImageKind): string {
  return kind === 'double' ? join(ROOT, 'lab', 'doubles', 'Dockerfile') : join(ROOT, 'images', kind, 'Dockerfile');
}

interface Packages {
  /** In node_modules, from the root. */
  readonly folders: string[];
  /** The part of the lock file that pins them. */
  readonly pinned: string;
}

/** What the services need. */
export async function productionPackages(): Promise<Packages> {
  const production = Object.entries(await locked()).filter(
    ([path, { dev, devOptional }]) => path && !dev && !devOptional,
  );
  return { folders: production.map(([path]) => path), pinned: JSON.stringify(production) };
}

/** What the lab needs beside that, with all that those packages need in their turn. */
export async function labPackages(): Promise<Packages> {
  const packages = await locked();
  const there = new Set((await productionPackages()).folders);
  const found = new Map<string, LockedPackage>();
  const add = (name: string, from: string) => {
    const path = resolved(packages, name, from);
    const entry = path === undefined ? undefined : packages[path];
    if (path === undefined || entry === undefined || there.has(path) || found.has(path)) return;
    found.set(path, entry);
    for (const needed of Object.keys(entry.dependencies ?? {})) add(needed, path);
  };
  for (const name of LAB_PACKAGES) add(name, '');
  const pinned = [...found].sort(([a], [b]) => (a < b ? -1 : 1));
  return { folders: pinned.map(([path]) => path), pinned: JSON.stringify(pinned) };
}

async function locked(): Promise<Readonly<Record<string, LockedPackage>>> {
  return JSON.parse(await readFile(join(ROOT, 'package-lock.json'), 'utf8')).packages;
}

/** Where Node finds a package that is imported by one in `from`: in the nearest node_modules upwards. */
function resolved(packages: Readonly<Record<string, unknown>>, name: string, from: string): string | undefined {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')))) {
    const path = `${folder === '' ? '' : `${folder}/`}node_modules/${name}`;
    if (path in packages) return path;
    if (folder === '') return undefined;
  }
}

async function layOut(
  from: string,
  to: string,
  names: readonly string[],
  filter: (path: string) => boolean = () => true,
): Promise<void> {
  for (const name of names) {
    await mkdir(dirname(join(to, name)), { recursive: true });
    await cp(join(from, name), join(to, name), { recursive: true, filter });
  }
}

/** Each package by itself, without its own node_modules: what lies there is in the list too, when it is needed. */
async function copyPackages(to: string, folders: readonly string[]): Promise<void> {
  for (const folder of folders) {
    const source = join(ROOT, folder);
    await cp(source, join(to, folder), {
      recursive: true,
      filter: (path) => path === source || (basename(path) !== 'node_modules' && !NOT_RUN.test(path)),
    });
  }
}
