import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { GenericContainer } from 'testcontainers';
import { PeerLabError } from '#proto/errors.ts';
import { buildServices, hashOf } from '../artifacts.ts';
import { withLock } from '../build-lock.ts';
import { within } from '../deadline.ts';
import { ensureNodeImage } from './base-image.ts';
import { type EngineConnection, statusOf } from './connection.ts';
import { dockerfileOf, type ImageKind, KINDS, productionPackages, withContexts } from './context.ts';
import { followed, type Image, imageFrom, inspect } from './image-store.ts';
import { LABEL } from './labels.ts';
import { testcontainersOn } from './testcontainers-client.ts';

const BUILD_TIMEOUT_MS = 300_000;
/** Lines of the builder's output that an error quotes. */
const OUTPUT_LINES = 20;
/** Builds of each image that are kept: other checkouts on this machine, and branches that one goes back to, find theirs. */
const KEPT_BUILDS = 6;

export interface Images {
  readonly directory: Image;
  readonly peer: Image;
  readonly double: Image;
}

/**
 * Makes `peerlab/directory` and `peerlab/peer` when their inputs have changed. Each build has a tag of its own made from what went
 * into it, and `latest` is the one that was asked for last: runs take the tag of their sources, so that two checkouts on one
 * engine do not take each other's images away.
 * @throws PeerLabError `build-failed`, `no-base-image`, `engine-lost`, `engine-failed`, `interrupted`
 */
export async function imagesOn(
  engine: EngineConnection,
  report: (what: string) => void,
  signal?: AbortSignal,
): Promise<Images> {
  const services = await buildServices(report, signal);
  const ensure = async () => {
    const node = await ensureNodeImage(engine, report, signal);
    const wanted = await wantedInputs(node);
    const images =
      (await allCurrent(engine, wanted)) ?? (await buildAll(engine, report, services, node, wanted, signal));
    for (const kind of KINDS) await nameLatest(engine, kind, wanted[kind]);
    return images;
  };
  return withLock(join(services.dist, '.images.lock'), ensure, signal);
}

function buildAll(
  engine: EngineConnection,
  report: (what: string) => void,
  services: Parameters<typeof withContexts>[0],
  node: Image,
  wanted: Record<ImageKind, string>,
  signal?: AbortSignal,
): Promise<Images> {
  return withContexts(services, async (folderOf) => {
    const build = (kind: ImageKind, args: Record<string, string>) =>
      buildImage(engine, report, kind, folderOf(kind), wanted[kind], args, signal);
    const baseImage = await build('base', { NODE_IMAGE: node.name });
    const directory = await build('directory', { BASE_IMAGE: baseImage.name });
    const peer = await build('peer', { BASE_IMAGE: baseImage.name });
    const double = await build('double', { BASE_IMAGE: baseImage.name });
    await removeOld(engine);
    return { directory, peer, double };
  });
}

/** What the label of each image says when it is current: a hash of all that goes into it. */
export async function wantedInputs(node: Image): Promise<Record<ImageKind, string>> {
  const base = await hashOf([], await inputsOf('base'), node.id, (await productionPackages()).pinned);
  const hashes = {
    base: await hashOf(['proto/**/*.ts', 'proto/*.proto', 'images/base/*.ts', 'tsconfig*.json', 'package.json'], base),
    directory: await hashOf(['images/directory/**/*.ts'], await inputsOf('directory')),
    peer: await hashOf(['images/peer/**/*.ts'], await inputsOf('peer')),
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

async function nameLatest(engine: EngineConnection, kind: ImageKind, inputs: string): Promise<void> {
  const [mine, latest] = await Promise.all([inspect(engine, tagOf(kind, inputs)), inspect(engine, latestOf(kind))]);
  if (!mine || mine.Id === latest?.Id) return;
  const named = engine.docker.getImage(mine.Id).tag({ repo: `peerlab/${kind}`, tag: 'latest' });
  await engine.call(`name ${latestOf(kind)}`, named);
}

/** The images as they shall be, or nothing when one is missing or outdated. */
export async function allCurrent(
  engine: EngineConnection,
  wanted: Record<ImageKind, string>,
): Promise<Images | undefined> {
  const [directory, peer, double] = await Promise.all(
    (['directory', 'peer', 'double'] as const).map(async (kind) => {
      const name = tagOf(kind, wanted[kind]);
      const found = await inspect(engine, name);
      return found?.Config.Labels?.[LABEL.inputs] === wanted[kind] ? imageFrom(name, found) : undefined;
    }),
  );
  return directory && peer && double && { directory, peer, double };
}

async function buildImage(
  engine: EngineConnection,
  report: (what: string) => void,
  kind: ImageKind,
  folder: string,
  inputs: string,
  args: Record<string, string>,
  signal?: AbortSignal,
): Promise<Image> {
  const name = tagOf(kind, inputs);
  report(`building the image ${name}`);
  const client = await testcontainersOn(engine);
  // testcontainers' own builder drops the output, takes an older image of the name for a success, and never settles
  // when the engine refuses; so its last step, the call to the engine, is made here.
  client.image.build = (context, options) => runBuild(engine, context, options, signal);
  const built = GenericContainer.fromDockerfile(folder)
    .withBuildArgs({ ...args, PEERLAB_INPUTS: inputs })
    .build(name, { deleteOnExit: false });
  const late = () =>
    new PeerLabError('build-failed', { about: name, expected: `its end in ${BUILD_TIMEOUT_MS / 1000} s` });
  await engine.call(`build image ${name}`, within(built, BUILD_TIMEOUT_MS, late, signal), BUILD_TIMEOUT_MS + 1000);
  const after = await inspect(engine, name);
  if (after?.Config.Labels?.[LABEL.inputs] !== inputs) {
    throw new PeerLabError('build-failed', { about: name, expected: 'the new image', got: 'another one of its name' });
  }
  return imageFrom(name, after);
}

export async function runBuild(
  { docker }: EngineConnection,
  context: string,
  options: Docker.ImageBuildOptions,
  signal?: AbortSignal,
): Promise<void> {
  const output: string[] = [];
  try {
    const stream = await docker.buildImage(
      { context, src: ['.'] },
      {
        ...options,
        rm: true,
        forcerm: true,
        ...(signal ? { abortSignal: signal } : {}),
      },
    );
    await followed(docker, stream as Readable, output);
  } catch (error) {
    const got = `\n${output.slice(-OUTPUT_LINES).join('')}\n${error instanceof Error ? error.message : error}`;
    throw new PeerLabError('build-failed', { about: `${options.t}`, got, cause: error });
  }
}

/** Builds that nobody has asked for since many others; those that a container still uses are kept. */
export async function removeOld(engine: EngineConnection): Promise<void> {
  const filters = { label: [LABEL.inputs] };
  const images = await engine.call('list images', engine.docker.listImages({ filters }));
  const byAge = images.sort((a, b) => b.Created - a.Created);
  for (const kind of [...KINDS, 'faults']) {
    const builds = byAge.filter(({ RepoTags }) => RepoTags?.some((tag) => tag.startsWith(`peerlab/${kind}:`)));
    for (const { RepoTags } of builds.slice(KEPT_BUILDS)) for (const tag of RepoTags ?? []) await remove(engine, tag);
  }
  for (const { Id, RepoTags } of byAge) if (!RepoTags?.some((tag) => tag !== '<none>:<none>')) await remove(engine, Id);
}

async function remove(engine: EngineConnection, image: string): Promise<void> {
  await engine.call('remove an old image', engine.docker.getImage(image).remove()).catch((error) => {
    if (![404, 409].includes(statusOf(error) ?? 0)) throw error;
  });
}
