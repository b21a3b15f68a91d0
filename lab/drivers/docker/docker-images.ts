import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { GenericContainer } from 'testcontainers';
import { PeerLabError } from '#proto/errors.ts';
import { anyOf, within } from '../deadline.ts';
import type { Image, ImageStore, StoredImage } from '../images/image-store.ts';
import { type EngineConnection, statusOf } from './connection.ts';
import { testcontainersOn } from './testcontainers-client.ts';

const BUILD_TIMEOUT_MS = 300_000;
/** Lines of the builder's output that an error quotes. */
const OUTPUT_LINES = 20;
/** What Docker gives an image that has lost its names. */
const NO_NAME = '<none>:<none>';

/** The images that an engine has, and those that it can get. */
export class DockerImages implements ImageStore {
  readonly #engine: EngineConnection;

  constructor(engine: EngineConnection) {
    this.#engine = engine;
  }

  get arch(): string {
    return this.#engine.info.arch;
  }

  async find(name: string): Promise<Image | undefined> {
    try {
      const inspected = this.#engine.docker.getImage(name).inspect();
      const { Id, Config } = await this.#engine.call(`inspect image ${name}`, inspected);
      return { name, id: Id, user: Config.User, labels: Config.Labels ?? {} };
    } catch (error) {
      if (statusOf(error) === 404) return undefined;
      throw error;
    }
  }

  async withLabel(label: string): Promise<StoredImage[]> {
    const listed = this.#engine.docker.listImages({ filters: { label: [label] } });
    const images = await this.#engine.call('list images', listed);
    return images
      .sort((a, b) => b.Created - a.Created)
      .map(({ Id, RepoTags }) => ({ id: Id, names: (RepoTags ?? []).filter((name) => name !== NO_NAME) }));
  }

  async pull(name: string, timeoutMs: number, signal?: AbortSignal): Promise<void> {
    const { docker } = this.#engine;
    const late = () => new Error(`not there after ${timeoutMs / 1000} s`);
    const reference = /[:@]/.test(name.slice(name.lastIndexOf('/') + 1)) ? name : `${name}:latest`;
    const abortSignal = anyOf(AbortSignal.timeout(timeoutMs), signal);
    const pulled = docker.pull(reference, { abortSignal }).then((stream) => followed(docker, stream as Readable));
    await this.#engine.call(`pull image ${name}`, within(pulled, timeoutMs, late, signal), timeoutMs + 1000);
  }

  async askRegistry(name: string, timeoutMs: number): Promise<void> {
    const late = () => new Error(`no answer within ${timeoutMs / 1000} s`);
    await within(this.#engine.docker.getImage(name).distribution(), timeoutMs, late);
  }

  async build(
    folder: string,
    { name, args }: { name: string; args: Record<string, string> },
    signal?: AbortSignal,
  ): Promise<void> {
    const client = await testcontainersOn(this.#engine);
    // testcontainers' own builder drops the output, takes an older image of the name for a success, and never settles
    // when the engine refuses; so its last step, the call to the engine, is made here.
    client.image.build = (context, options) => this.#runBuild(context, options, signal);
    const built = GenericContainer.fromDockerfile(folder).withBuildArgs(args).build(name, { deleteOnExit: false });
    const late = () =>
      new PeerLabError('build-failed', { about: name, expected: `its end in ${BUILD_TIMEOUT_MS / 1000} s` });
    const bounded = within(built, BUILD_TIMEOUT_MS, late, signal);
    await this.#engine.call(`build image ${name}`, bounded, BUILD_TIMEOUT_MS + 1000);
  }

  async importRoot(tar: Readable, name: string, timeoutMs: number, signal?: AbortSignal): Promise<void> {
    const { docker } = this.#engine;
    const [repo, tag] = name.split(':');
    const abortSignal = anyOf(AbortSignal.timeout(timeoutMs), signal);
    const stream = await docker.importImage(tar, { repo, tag, abortSignal });
    await followed(docker, stream as Readable);
  }

  async tag(id: string, name: string): Promise<void> {
    const [repo = '', tag = 'latest'] = name.split(':');
    await this.#engine.call(`name ${name}`, this.#engine.docker.getImage(id).tag({ repo, tag }));
  }

  async remove(nameOrId: string): Promise<void> {
    const removed = this.#engine.docker.getImage(nameOrId).remove();
    await this.#engine.call('remove an old image', removed).catch((error) => {
      if (![404, 409].includes(statusOf(error) ?? 0)) throw error;
    });
  }

  async #runBuild(context: string, options: Docker.ImageBuildOptions, signal?: AbortSignal): Promise<void> {
    const { docker } = this.#engine;
    const output: string[] = [];
    const more = { rm: true, forcerm: true, ...(signal ? { abortSignal: signal } : {}) };
    try {
      const stream = await docker.buildImage({ context, src: ['.'] }, { ...options, ...more });
      await followed(docker, stream as Readable, output);
    } catch (error) {
      const got = `\n${output.slice(-OUTPUT_LINES).join('')}\n${error instanceof Error ? error.message : error}`;
      throw new PeerLabError('build-failed', { about: `${options.t}`, got, cause: error });
    }
  }
}

/** Reads the engine's progress messages to their end; rejects when one of them is an error. */
export async function followed(docker: Docker, stream: Readable, output: string[] = []): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    docker.modem.followProgress(
      stream,
      (error) => (error ? reject(error) : resolve()),
      ({ stream: text, error }: { stream?: string; error?: string }) => {
        if (text) output.push(text);
        if (error) reject(new Error(error));
      },
    );
  });
}
