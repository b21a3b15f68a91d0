import { PeerLabError, reasonOf } from '#proto/errors.ts';
import { interruption } from '../deadline.ts';
import type { Image, ImageStore } from './image-store.ts';
import { importLocalBase, localBaseFlaw, localBaseName } from './local-base.ts';

const OFFICIAL = 'node:24-bookworm-slim';
const PULL_TIMEOUT_MS = 20_000;
const ASK_TIMEOUT_MS = 5000;

/** The image with Node that the store has already, if any. */
export async function findNodeImage(store: ImageStore): Promise<Image | undefined> {
  for (const name of [OFFICIAL, localBaseName()]) {
    const found = await store.find(name);
    if (found) return found;
  }
  return undefined;
}

/**
 * Where `ensureNodeImage` would get an image from, or why from nowhere: asks the registry whether it has the official
 * one, without pulling it, and looks for the commands that make a local one.
 */
export async function sourceOfNodeImage(
  store: ImageStore,
): Promise<{ from: 'registry' | 'packages' } | { lacking: string }> {
  const registry = await store.askRegistry(OFFICIAL, ASK_TIMEOUT_MS).then(() => undefined, reasonOf);
  if (registry === undefined) return { from: 'registry' };
  const local = localBaseFlaw(store);
  return local === undefined
    ? { from: 'packages' }
    : { lacking: `the registry: ${registry.trim()}; made here: ${local}` };
}

/**
 * An image with Node 24 to build on: the official one when the store has it or can pull it, otherwise one that is made
 * on this machine from packages of Debian and npm. What is there is taken, so only the first build looks further.
 * @throws PeerLabError `no-base-image`, saying what was tried
 */
export async function ensureNodeImage(
  store: ImageStore,
  report: (what: string) => void,
  signal?: AbortSignal,
): Promise<Image> {
  const there = await findNodeImage(store);
  if (there) return there;
  const local = localBaseName();
  const tried: string[] = [];
  const attempts = [
    { name: OFFICIAL, what: `pulling ${OFFICIAL}`, make: () => store.pull(OFFICIAL, PULL_TIMEOUT_MS, signal) },
    {
      name: local,
      what: 'making a base image from Debian packages',
      make: () => importLocalBase(store, local, signal),
    },
  ];
  for (const { name, what, make } of attempts) {
    if (signal?.aborted) throw interruption(signal);
    report(what);
    try {
      await make();
      const made = await store.find(name);
      if (made) return made;
      tried.push(`${what}: no image came of it`);
    } catch (error) {
      if (error instanceof PeerLabError && error.code === 'engine-lost') throw error;
      if (signal?.aborted) throw interruption(signal);
      tried.push(`${what}: ${reasonOf(error)}`);
    }
  }
  throw new PeerLabError('no-base-image', { got: `\n${tried.join('\n')}` });
}
