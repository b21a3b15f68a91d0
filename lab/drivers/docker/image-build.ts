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
import { dockerfileOf, type ImageKind, productionPackages, withContexts } from './context.ts';
import { followed, type Image, imageFrom, inspect } from './image-store.ts';
import { LABEL } from './labels.ts';
import { testcontainersOn } from './testcontainers-client.ts';

const BUILD_TIMEOUT_MS = 300_000;
/** Lines of the builder's output that an error quotes. */
const OUTPUT_LINES = 20;

export interface Images {
  readonly directory: Image;
  readonly peer: Image;
}

/**
 * Makes `peerlab/directory:latest` and `peerlab/peer:latest`, when their inputs have changed.
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
    const current = await allCurrent(engine, wanted);
    if (current) return current;
    return withContexts(services, async (folderOf) => {
      const build = (kind: ImageKind, args: Record<string, string>) =>
        buildImage(engine, report, kind, folderOf(kind), wanted[kind], args, signal);
      const baseImage = await build('base', { NODE_IMAGE: node.name });
      const directory = await build('directory', { BASE_IMAGE: baseImage.name });
      const peer = await build('peer', { BASE_IMAGE: baseImage.name });
      await removeReplaced(engine);
      return { directory, peer };
    });
  };
  return withLock(join(services.dist, '.images.lock'), ensure, signal);
}

/** What the label of each image says when it is current: a hash of all that goes into it. */
export async function wantedInputs(node: Image): Promise<Record<ImageKind, string>> {
  const base = await hashOf([], await inputsOf('base'), node.id, (await productionPackages()).pinned);
  const hashes = {
    base: await hashOf(['proto/**/*.ts', 'proto/*.proto', 'images/base/*.ts', 'tsconfig*.json', 'package.json'], base),
    directory: await hashOf(['images/directory/**/*.ts'], await inputsOf('directory')),
    peer: await hashOf(['images/peer/**/*.ts'], await inputsOf('peer')),
  };
  // What a service is made of includes what it stands on.
  return {
    base: hashes.base,
    directory: await hashOf([], hashes.base, hashes.directory),
    peer: await hashOf([], hashes.base, hashes.peer),
  };
}

async function inputsOf(kind: ImageKind): Promise<string> {
  return readFile(dockerfileOf(kind), 'utf8');
}

export function tagOf(kind: ImageKind): string {
  return `peerlab/${kind}:latest`;
}

/** Both images as they shall be, or nothing when one is missing or outdated. */
export async function allCurrent(
  engine: EngineConnection,
  wanted: Record<ImageKind, string>,
): Promise<Images | undefined> {
  const [directory, peer] = await Promise.all(
    (['directory', 'peer'] as const).map(async (kind) => {
      const found = await inspect(engine, tagOf(kind));
      return found?.Config.Labels?.[LABEL.inputs] === wanted[kind] ? imageFrom(tagOf(kind), found) : undefined;
    }),
  );
  return directory && peer && { directory, peer };
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
  const name = tagOf(kind);
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

async function runBuild(
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

/** Images of ours that lost their name to a newer one; those that a container of another run still uses are kept. */
async function removeReplaced(engine: EngineConnection): Promise<void> {
  const filters = { dangling: ['true'], label: [LABEL.inputs] };
  for (const { Id } of await engine.call('list images', engine.docker.listImages({ filters }))) {
    await engine.call('remove an old image', engine.docker.getImage(Id).remove()).catch((error) => {
      if (![404, 409].includes(statusOf(error) ?? 0)) throw error;
    });
  }
}
