import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { PeerLabError } from '#proto/errors.ts';
import { anyOf, within } from '../deadline.ts';
import { type EngineConnection, statusOf } from './connection.ts';

/** The images that an engine has, and those that it can get. */

const PULL_TIMEOUT_MS = 300_000;

/** `name` as people call it, `id` the digest of its content (`sha256:…`), which pins it. */
export interface Image {
  readonly name: string;
  readonly id: string;
  /** As the image has it: empty for root, `uid[:gid]`, or a name. */
  readonly user: string;
}

/**
 * An image of the user's, pulled when the engine does not have it.
 * @throws PeerLabError `engine-failed`, `engine-lost`
 */
export async function imageOf(engine: EngineConnection, name: string, signal?: AbortSignal): Promise<Image> {
  const found = await inspect(engine, name);
  if (found) return imageFrom(name, found);
  const what = `pull image ${name}`;
  await engine.call(what, pull(engine, name, PULL_TIMEOUT_MS, signal), PULL_TIMEOUT_MS + 1000);
  const pulled = await inspect(engine, name);
  if (!pulled) throw new PeerLabError('engine-failed', { about: what, got: 'no such image' });
  return imageFrom(name, pulled);
}

/** Pulls an image. Rejects with the registry's reason, or when it takes too long. */
export async function pull(
  { docker }: EngineConnection,
  name: string,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<void> {
  const late = () => new Error(`not there after ${timeoutMs / 1000} s`);
  const reference = /[:@]/.test(name.slice(name.lastIndexOf('/') + 1)) ? name : `${name}:latest`;
  const abortSignal = anyOf(AbortSignal.timeout(timeoutMs), signal);
  const pulled = docker.pull(reference, { abortSignal }).then((stream) => followed(docker, stream as Readable));
  await within(pulled, timeoutMs, late, signal);
}

export async function inspect(engine: EngineConnection, name: string): Promise<Docker.ImageInspectInfo | undefined> {
  try {
    return await engine.call(`inspect image ${name}`, engine.docker.getImage(name).inspect());
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
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

export function imageFrom(name: string, { Id, Config }: Docker.ImageInspectInfo): Image {
  return { name, id: Id, user: Config.User };
}
