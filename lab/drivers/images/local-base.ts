import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from '../artifacts.ts';
import type { Image, ImageStore } from './image-store.ts';
import { makeStaging } from './staging.ts';

/**
 * A base image without a registry: the libraries that the Node binary needs, busybox for a shell and the usual commands,
 * and the Node binary itself. Needs Debian's (or Ubuntu's) apt-get and dpkg-deb, and no root. Debian's packages are only
 * unpacked, not installed, so the few files that installing would make are written here.
 */

const run = promisify(execFile);
const PACKAGES = ['base-files', 'libc6', 'libgcc-s1', 'libstdc++6', 'busybox-static'];
const COMMANDS = ['apt-get', 'dpkg-deb', 'tar'];
const APT_TIMEOUT_MS = 180_000;
const IMPORT_TIMEOUT_MS = 120_000;
/** Not needed to run anything, and more than half of the size. */
const LEFT_OUT = ['usr/share', 'usr/lib/x86_64-linux-gnu/gconv', 'usr/lib/aarch64-linux-gnu/gconv'];
const GO_ARCH: Record<string, string> = { x64: 'amd64', arm64: 'arm64' };

export function localBaseName(): string {
  return `peerlab/node-base:${process.version.slice(1)}`;
}

/** Why this machine can't make one for the store, as far as it can be known without trying. */
export function localBaseFlaw(store: ImageStore): string | undefined {
  if (process.platform !== 'linux') return 'this works on Linux only';
  if (GO_ARCH[process.arch] !== store.arch) return `the engine runs ${store.arch}, this machine is ${process.arch}`;
  const folders = (process.env.PATH ?? '').split(delimiter);
  const missing = COMMANDS.filter((command) => !folders.some((folder) => existsSync(join(folder, command))));
  return missing.length === 0 ? undefined : `there is no ${missing.join(', no ')}`;
}

/** The local base: the one that is there, or a new one. Rejects with the reason when this machine can't make one. */
export async function ensureLocalBase(store: ImageStore, signal?: AbortSignal): Promise<Image> {
  const name = localBaseName();
  if (!(await store.find(name))) await importLocalBase(store, name, signal);
  const there = await store.find(name);
  if (!there) throw new Error(`no image ${name} came of it`);
  return there;
}

/** Makes the image and gives it its name. Rejects with the reason when this machine can't. */
export async function importLocalBase(store: ImageStore, name: string, signal?: AbortSignal): Promise<void> {
  const flaw = localBaseFlaw(store);
  if (flaw) throw new Error(flaw);
  const folder = await makeStaging('base');
  try {
    const root = join(folder, 'root');
    await unpackPackages(folder, root, signal);
    await addCommands(root);
    await addNode(root);
    await addFiles(root);
    await importTar(store, root, name, signal);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function unpackPackages(folder: string, root: string, signal?: AbortSignal): Promise<void> {
  await mkdir(root);
  for (const deb of await download(folder, PACKAGES, signal)) await run('dpkg-deb', ['-x', deb, root]);
  for (const path of LEFT_OUT) await rm(join(root, path), { recursive: true, force: true });
}

/** Unpacks packages, and the libraries that they need and the base does not have, into `root`. */
export async function unpackWithLibraries(
  folder: string,
  root: string,
  packages: readonly string[],
  signal?: AbortSignal,
): Promise<void> {
  const known = new Set(PACKAGES);
  for (let wanted = [...packages]; wanted.length > 0; ) {
    for (const name of wanted) known.add(name);
    const needed = new Set<string>();
    for (const deb of await download(folder, wanted, signal)) {
      await run('dpkg-deb', ['-x', deb, root]);
      for (const name of await librariesOf(deb)) if (!known.has(name)) needed.add(name);
    }
    wanted = [...needed];
  }
  for (const path of LEFT_OUT) await rm(join(root, path), { recursive: true, force: true });
}

/** Of its dependencies those that are libraries: what else it depends on is for installing it. */
async function librariesOf(deb: string): Promise<string[]> {
  const { stdout } = await run('dpkg-deb', ['-f', deb, 'Depends']);
  const names = stdout.split(',').map((one) => one.trim().split(/[\s|(:]/)[0] ?? '');
  return names.filter((name) => /^z?lib/.test(name) && !name.endsWith('-bin'));
}

/**
 * With the machine's package lists, and when there are none (or they are stale) with lists of our own.
 * @returns paths of the packages
 */
async function download(folder: string, packages: readonly string[], signal?: AbortSignal): Promise<string[]> {
  const debs = join(folder, 'debs');
  await mkdir(debs, { recursive: true });
  const options = {
    cwd: debs,
    timeout: APT_TIMEOUT_MS,
    env: { ...process.env, LC_ALL: 'C' },
    ...(signal ? { signal } : {}),
  };
  const asUser = ['-q', '-o', 'APT::Sandbox::User=root'];
  const own = ['-o', `Dir::State::lists=${join(folder, 'lists')}`, '-o', `Dir::Cache=${join(folder, 'cache')}`];
  try {
    await run('apt-get', [...asUser, 'download', ...packages], options);
  } catch {
    signal?.throwIfAborted();
    await mkdir(join(folder, 'lists', 'partial'), { recursive: true });
    await mkdir(join(folder, 'cache', 'archives', 'partial'), { recursive: true });
    await run('apt-get', [...asUser, ...own, 'update'], options);
    await run('apt-get', [...asUser, ...own, 'download', ...packages], options);
  }
  const files = await readdir(debs);
  return packages.map((name) => {
    const file = files.find((deb) => deb.startsWith(`${name}_`));
    if (!file) throw new Error(`apt-get downloaded no ${name}`);
    return join(debs, file);
  });
}

/** busybox tells its commands; each becomes a link to it. */
async function addCommands(root: string): Promise<void> {
  // Newer Debian releases have /bin as a link to /usr/bin, which their packages then leave out.
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) {
    if (!existsSync(join(root, name)) && existsSync(join(root, 'usr', name))) {
      await symlink(`usr/${name}`, join(root, name));
    }
  }
  const busybox = join(root, 'bin', 'busybox');
  const { stdout } = await run(busybox, ['--list']);
  for (const command of stdout.trim().split('\n')) {
    const link = join(root, 'bin', command);
    if (!existsSync(link)) await symlink('busybox', link);
  }
}

/** The binary that runs the lab; the one that make brought along first, as a system's may need further libraries. */
async function addNode(root: string): Promise<void> {
  const brought = join(ROOT, '.node', 'node_modules', `node-linux-${process.arch}`, 'bin', 'node');
  await mkdir(join(root, 'usr', 'local', 'bin'), { recursive: true });
  await copyFile(existsSync(brought) ? brought : process.execPath, join(root, 'usr', 'local', 'bin', 'node'));
}

async function addFiles(root: string): Promise<void> {
  await mkdir(join(root, 'tmp'), { recursive: true });
  await mkdir(join(root, 'etc'), { recursive: true });
  await writeFile(join(root, 'etc', 'passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
  await writeFile(join(root, 'etc', 'group'), 'root:x:0:\n');
  await writeFile(join(root, 'etc', 'nsswitch.conf'), 'hosts: files dns\n');
}

/** Everything belongs to root in the image, whoever unpacked it. */
async function importTar(store: ImageStore, root: string, name: string, signal?: AbortSignal): Promise<void> {
  const tar = spawn('tar', ['-C', root, '--owner=0', '--group=0', '--numeric-owner', '-c', '.'], {
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: IMPORT_TIMEOUT_MS,
  });
  await store.importRoot(tar.stdout, name, IMPORT_TIMEOUT_MS, signal);
}
