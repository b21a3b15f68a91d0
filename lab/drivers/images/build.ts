import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PeerLabError } from '#proto/errors.ts';
import { BUNDLER, buildServices, hashOf } from '../artifacts.ts';
import { withLock } from '../build-lock.ts';
import { dockerfileOf, type ImageKind, KINDS, labPackages, productionPackages, withContexts } from './context.ts';
import { type Image, type ImageStore, INPUTS_LABEL } from './image-store.ts';
import { ensureNodeImage } from './node-image.ts';

/** Builds of each image that are kept: other checkouts on this machine, and branches that one goes back to, find theirs. */
const KEPT_BUILDS = 6;

export interface Images {
  /** Of PeerLab. */
  readonly version: string;
  readonly directory: Image;
  readonly peer: Image;
  readonly double: Image;
}

type Built = Omit<Images, 'version'>;
type Inputs = Readonly<Record<(typeof KINDS)[number], string>>;

/**
 * Makes `peerlab/directory` and `peerlab/peer` when their inputs have changed. Each build has a tag of its own made from what went
 * into it, and `latest` is the one that was asked for last: runs take the tag of their sources, so that two checkouts on one
 * engine do not take each other's images away.
 * @throws PeerLabError `build-failed`, `no-base-image`, `engine-lost`, `engine-failed`, `interrupted`
 */
export async function imagesOn(
  store: ImageStore,
  report: (what: string) => void,
  signal?: AbortSignal,
): Promise<Images> {
  const services = await buildServices(report, signal);
  const ensure = async () => {
    const node = await ensureNodeImage(store, report, signal);
    const wanted = await wantedInputs(node);
    const images = (await allCurrent(store, wanted)) ?? (await buildAll(store, report, services, node, wanted, signal));
    for (const kind of KINDS) await nameLatest(store, kind, wanted[kind]);
    return { ...images, version: services.version };
  };
  return withLock(join(services.dist, '.images-build.lock'), ensure, signal);
}

/**
 * Makes `peerlab/lab`, the lab in an image, when its inputs have changed; and the others, which a cluster needs with it.
 * @throws PeerLabError as `imagesOn`
 */
export async function imagesForClusters(
  store: ImageStore,
  report: (what: string) => void,
  signal?: AbortSignal,
): Promise<Images & { readonly lab: Image }> {
  const images = await imagesOn(store, report, signal);
  const services = await buildServices(report, signal);
  const ensure = async () => {
    const { base } = await wantedInputs(await ensureNodeImage(store, report, signal));
    const inputs = await hashOf(
      ['lab/**/*.ts', 'scenarios/**/*.*', 'suites/*.yaml', 'page/**/*.*'],
      base,
      await inputsOf('lab'),
      (await labPackages()).pinned,
    );
    const there = await store.find(tagOf('lab', inputs));
    const lab =
      there ??
      (await withContexts(services, ['lab'], (folderOf) =>
        buildImage(store, report, 'lab', folderOf('lab'), inputs, { BASE_IMAGE: tagOf('base', base) }, signal),
      ));
    await nameLatest(store, 'lab', inputs);
    return { ...images, lab };
  };
  return withLock(join(services.dist, '.images-build.lock'), ensure, signal);
}

function buildAll(
  store: ImageStore,
  report: (what: string) => void,
  services: Parameters<typeof withContexts>[0],
  node: Image,
  wanted: Inputs,
  signal?: AbortSignal,
): Promise<Built> {
  return withContexts(services, KINDS, async (folderOf) => {
    const build = (kind: keyof Inputs, args: Record<string, string>) =>
      buildImage(store, report, kind, folderOf(kind), wanted[kind], args, signal);
    const baseImage = await build('base', { NODE_IMAGE: node.name });
    const directory = await build('directory', { BASE_IMAGE: baseImage.name });
    const peer = await build('peer', { BASE_IMAGE: baseImage.name });
    const double = await build('double', { BASE_IMAGE: baseImage.name });
    await removeOld(store);
    return { directory, peer, double };
  });
}

/** What the label of each image says when it is current: a hash of all that goes into it. */
export async function wantedInputs(node: Image): Promise<Inputs> {
  const base = await hashOf([], await inputsOf('base'), node.id, (await productionPackages()).pinned);
  const hashes = {
    base: await hashOf(['proto/**/*.ts', 'proto/*.proto', 'images/base/*.ts', 'tsconfig*.json', 'package.json'], base),
    directory: await hashOf(['images/directory/**/*.ts', BUNDLER], await inputsOf('directory')),
    peer: await hashOf(['images/peer/**/*.ts', BUNDLER], await inputsOf('peer')),
    double: await hashOf(['lab/doubles/*.ts'], await inputsOf('double')),
  };
  // What a service is made of includes what it stands on.
  return {
    base: hashes.base,
    directory: await hashOf([], hashes.base, hashes.directory),
    peer: await hashOf([], hashes.base, hashes.peer),
    double: await hashOf([], hashes.base, hashes.double),
  };
}

async function inputsOf(kind: ImageKind): Promise<string> {
  return readFile(dockerfileOf(kind), 'utf8');
}

/** The name of the build that was made from `inputs`, a hash. */
function tagOf(kind: ImageKind, inputs: string): string {
  return `peerlab/${kind}:${inputs.slice(0, 16)}`;
}

/** The name that people use. */
export function latestOf(kind: ImageKind): string {
  return `peerlab/${kind}:latest`;
}

async function nameLatest(store: ImageStore, kind: ImageKind, inputs: string): Promise<void> {
  const [mine, latest] = await Promise.all([store.find(tagOf(kind, inputs)), store.find(latestOf(kind))]);
  if (mine && mine.id !== latest?.id) await store.tag(mine.id, latestOf(kind));
}

/** The images as they should be, or nothing if one is missing or outdated. */
export async function allCurrent(store: ImageStore, wanted: Inputs): Promise<Built | undefined> {
  const [directory, peer, double] = await Promise.all(
    (['directory', 'peer', 'double'] as const).map(async (kind) => {
      const found = await store.find(tagOf(kind, wanted[kind]));
      return found?.labels[INPUTS_LABEL] === wanted[kind] ? found : undefined;
    }),
  );
  return directory && peer && double && { directory, peer, double };
}

async function buildImage(
  store: ImageStore,
  report: (what: string) => void,
  kind: ImageKind,
  folder: string,
  inputs: string,
  args: Record<string, string>,
  signal?: AbortSignal,
): Promise<Image> {
  const name = tagOf(kind, inputs);
  report(`building the image ${name}`);
  await store.build(folder, { name, args: { ...args, PEERLAB_INPUTS: inputs } }, signal);
  const after = await store.find(name);
  if (after?.labels[INPUTS_LABEL] !== inputs) {
    throw new PeerLabError('build-failed', { about: name, expected: 'the new image', got: 'another one of its name' });
  }
  return after;
}

/** Builds that nobody has asked for since many others; those that a container still uses are kept. */
export async function removeOld(store: ImageStore): Promise<void> {
  const byAge = await store.withLabel(INPUTS_LABEL);
  for (const kind of [...KINDS, 'lab', 'faults']) {
    const builds = byAge.filter(({ names }) => names.some((name) => name.startsWith(`peerlab/${kind}:`)));
    for (const { names } of builds.slice(KEPT_BUILDS)) for (const name of names) await store.remove(name);
  }
  for (const { id, names } of byAge) if (names.length === 0) await store.remove(id);
}
