import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cp, glob, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { PeerLabError } from '#proto/errors.ts';
import { withLock } from './build-lock.ts';
import { bundle } from './bundle.ts';

/** THE BUILD: from proto/ and images/ to dist/, which every driver runs. The images are known by path only. */

/** The repository's root folder. */
export const ROOT = join(import.meta.dirname, '..', '..');
const DIST = join(ROOT, 'dist');

/** Where services keep what Node compiled of their code: the next start takes less CPU time (bench/startup.ts). */
export const COMPILE_CACHE = join(ROOT, 'node_modules', '.cache', 'peerlab');
const STAMP = join(DIST, '.inputs');
/** What makes one file of a service. */
export const BUNDLER = 'lab/drivers/bundle.ts';
/** The lock file pins the packages that go into the services. */
const MADE_BY = ['tsconfig*.json', 'package.json', 'package-lock.json', BUNDLER];
const INPUTS = ['proto/**/*.ts', 'proto/*.proto', 'images/**/*.ts', ...MADE_BY];
const BUILT = ['proto', 'images', 'package.json'];
const SERVICES = ['directory', 'peer'];
const TSC_TIMEOUT_MS = 120_000;

/** Where the built programs are (absolute paths), and the hash of all that they were made from. */
export interface Services {
  readonly dist: string;
  readonly directory: string;
  readonly peer: string;
  readonly hash: string;
  readonly version: string;
}

/**
 * Makes dist/ when it is not there or its inputs have changed; otherwise it takes some milliseconds. Safe to be called by
 * several labs at one time: one builds, the others wait for it.
 * @throws PeerLabError `build-failed` with the compiler's output, `interrupted`
 */
export async function buildServices(report: (what: string) => void, signal?: AbortSignal): Promise<Services> {
  const pkg = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as Package;
  const hash = await hashOf(INPUTS);
  if ((await stampedHash()) !== hash) {
    const buildUnlessDone = async () => {
      if ((await stampedHash()) === hash) return;
      report('building the services');
      await build(pkg, hash);
    };
    await withLock(join(DIST, '.build.lock'), buildUnlessDone, signal);
  }
  return {
    dist: DIST,
    directory: join(DIST, 'images', 'directory', 'main.js'),
    peer: join(DIST, 'images', 'peer', 'main.js'),
    hash,
    version: pkg.version,
  };
}

/** SHA-256 over the paths and contents of the files below the root that the patterns name, tests left out. */
export async function hashOf(patterns: readonly string[], ...more: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  const names: string[] = [];
  for await (const name of glob(patterns, { cwd: ROOT, exclude: ['**/*.test.ts'] })) names.push(name);
  for (const name of names.sort()) {
    const content = await readFile(join(ROOT, name));
    hash.update(`${name}\0${content.length}\0`).update(content);
  }
  for (const text of more) hash.update(`\0${text}`);
  return hash.digest('hex');
}

interface Package {
  readonly name: string;
  readonly version: string;
  readonly dependencies: Record<string, string>;
}

async function stampedHash(): Promise<string | undefined> {
  return readFile(STAMP, 'utf8').catch(() => undefined);
}

/** Builds beside what is there and then changes places, so that whoever starts an instance meanwhile finds whole files. */
async function build(pkg: Package, hash: string): Promise<void> {
  const fresh = join(DIST, '.new');
  const old = join(DIST, '.old');
  await rm(fresh, { recursive: true, force: true });
  await mkdir(join(fresh, 'proto'), { recursive: true });
  await compile(fresh);
  await cp(join(ROOT, 'proto', 'peer.proto'), join(fresh, 'proto', 'peer.proto'));
  await writeFile(join(fresh, 'package.json'), packageOf(pkg));
  // By what that says of `#proto/…`: without it, the files of an earlier build would be found.
  for (const service of SERVICES) await bundle(join(fresh, 'images', service, 'main.js'), fresh);
  // A bundle looks for it beside itself.
  await cp(join(ROOT, 'proto', 'peer.proto'), join(fresh, 'images', 'peer', 'peer.proto'));
  await rm(old, { recursive: true, force: true });
  await mkdir(old);
  await rm(STAMP, { force: true });
  for (const name of BUILT) {
    await rename(join(DIST, name), join(old, name)).catch(ignoreMissing);
    await rename(join(fresh, name), join(DIST, name));
  }
  await writeFile(STAMP, hash);
  await rm(old, { recursive: true, force: true });
  await rm(fresh, { recursive: true, force: true });
}

async function compile(outDir: string): Promise<void> {
  const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
  try {
    await promisify(execFile)(process.execPath, [tsc, '-p', 'tsconfig.build.json', '--outDir', outDir], {
      cwd: ROOT,
      timeout: TSC_TIMEOUT_MS,
      maxBuffer: 16 * 1024 * 1024,
    });
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    throw new PeerLabError('build-failed', { got: `\n${stdout ?? ''}${stderr ?? ''}`.trimEnd(), cause: error });
  }
}

/** The built files say `#proto/x.ts` as their sources do; here it stands for `x.js`. */
function packageOf({ name, version, dependencies }: Package): string {
  const imports = { '#proto/*.ts': './proto/*.js', '#base/*.ts': './images/base/*.js' };
  return `${JSON.stringify({ name, version, private: true, type: 'module', imports, dependencies }, null, 2)}\n`;
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}
