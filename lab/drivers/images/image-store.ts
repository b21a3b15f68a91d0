import type { Readable } from 'node:stream';
import { PeerLabError, reasonOf } from '#proto/errors.ts';
import type { Program } from '../program.ts';

/**
 * AN IMAGE STORE: who keeps container images, such as an engine. Making and keeping ours asks no more of it than this, so every driver of
 * containers shares how images are built.
 */
export interface ImageStore {
  /** What its containers run on, by Go's name: `amd64`, `arm64`. */
  readonly arch: string;

  /** The image of this name or id, when it is there. @throws PeerLabError `engine-lost`, `engine-failed` */
  find(name: string): Promise<Image | undefined>;

  /** All that carry the label, the newest first. */
  withLabel(label: string): Promise<readonly StoredImage[]>;

  /** Gets an image from its registry. Rejects with the registry's reason, or when it takes too long. */
  pull(name: string, timeoutMs: number, signal?: AbortSignal): Promise<void>;

  /** Asks the registry whether it has the image, without pulling it. Rejects with the reason why it can't be had. */
  askRegistry(name: string, timeoutMs: number): Promise<void>;

  /** Builds a folder that has a Dockerfile. @throws PeerLabError `build-failed` with the builder's last words, `interrupted` */
  build(folder: string, wanted: { name: string; args: Record<string, string> }, signal?: AbortSignal): Promise<void>;

  /** Makes an image of one layer from a tar of its root folder. */
  importRoot(tar: Readable, name: string, timeoutMs: number, signal?: AbortSignal): Promise<void>;

  /** Gives an image one more name. */
  tag(id: string, name: string): Promise<void>;

  /** Takes a name away, or the image with its last one. What a container uses, or is gone, stays as it is. */
  remove(nameOrId: string): Promise<void>;
}

/** `name` as people call it, `id` the digest of its content (`sha256:…`), which pins it. */
export interface Image {
  readonly name: string;
  readonly id: string;
  /** As the image has it: empty for root, `uid[:gid]`, or a name. */
  readonly user: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface StoredImage {
  readonly id: string;
  /** All its names; none for an image that lost them. */
  readonly names: readonly string[];
}

/** What the label of an image of ours says is a hash of all that went into it. */
export const INPUTS_LABEL = 'peerlab.inputs';

const PULL_TIMEOUT_MS = 300_000;
const ASK_TIMEOUT_MS = 5000;
/** Where images say their version. */
const VERSION_LABEL = 'org.opencontainers.image.version';

/**
 * An image of the user's, pulled when the store does not have it.
 * @throws PeerLabError `engine-failed`, `engine-lost`
 */
export async function userImage(store: ImageStore, name: string, signal?: AbortSignal): Promise<Image> {
  const found = await store.find(name);
  if (found) return found;
  await store.pull(name, PULL_TIMEOUT_MS, signal);
  const pulled = await store.find(name);
  if (!pulled) throw new PeerLabError('engine-failed', { about: `pull image ${name}`, got: 'no such image' });
  return pulled;
}

/**
 * Looks for an image of the user's without pulling it.
 * @throws PeerLabError `no-program`, when the store does not have it and its registry does not answer that it has
 */
export async function findImage(store: ImageStore, name: string): Promise<Program> {
  const found = await store.find(name);
  if (found) return programOf(found);
  try {
    await store.askRegistry(name, ASK_TIMEOUT_MS);
    return { name };
  } catch (error) {
    const got = `the engine has no such image, and can not pull it: ${reasonOf(error).trim()}`;
    throw new PeerLabError('no-program', { about: name, got, cause: error });
  }
}

export function programOf({ name, id, labels }: Image): Program {
  const version = labels[VERSION_LABEL];
  return { name, digest: id, ...(version !== undefined && { version }) };
}
