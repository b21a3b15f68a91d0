import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PeerLabError, reasonOf } from '#proto/errors.ts';
import { hashOf, ROOT } from '../artifacts.ts';
import { withLock } from '../build-lock.ts';
import { removeOld } from '../images/build.ts';
import { type Image, type ImageStore, INPUTS_LABEL } from '../images/image-store.ts';
import { ensureLocalBase, localBaseFlaw, localBaseName, unpackWithLibraries } from '../images/local-base.ts';
import { makeStaging } from '../images/staging.ts';

/**
 * THE IMAGE of the containers that disturb and measure: the local base, with Debian's tools for the network and the agent. It stands
 * on the local base also where the services stand on the official one: tools and libraries then come from one release. Its
 * containers wait until they are told what to do.
 */

const PACKAGES = ['iproute2', 'nftables'];
/** All that the agent imports, at the same places below its folder. */
const AGENT_FILES = [
  'lab/drivers/agent/agent.ts',
  'lab/drivers/agent/protocol.ts',
  'lab/machine/dial.ts',
  'lab/machine/full-disk.ts',
];
const AGENT_FOLDER = '/agent';
export const AGENT = ['node', '--disable-warning=ExperimentalWarning', `${AGENT_FOLDER}/${AGENT_FILES[0]}`];

const DOCKERFILE = `
ARG BASE
FROM \${BASE}
COPY root/ /
COPY agent/ ${AGENT_FOLDER}/
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
RUN ["nft", "-v"]
RUN ["tc", "-V"]
RUN ["ip", "-V"]
ARG PEERLAB_INPUTS
LABEL ${INPUTS_LABEL}=\${PEERLAB_INPUTS}
STOPSIGNAL SIGKILL
CMD ["sleep", "2147483647"]
`;

/** Why there is no such image and none can be made, as far as it can be known without trying. */
export async function faultImageFlaw(store: ImageStore): Promise<string | undefined> {
  const base = await store.find(localBaseName());
  const there = base && (await store.find(await nameOn(base)));
  return there ? undefined : localBaseFlaw(store);
}

/**
 * The image, made when its inputs have changed.
 * @throws PeerLabError `build-failed`, `engine-lost`, `engine-failed`, `interrupted`
 */
export async function ensureFaultImage(
  store: ImageStore,
  report: (what: string) => void,
  signal?: AbortSignal,
): Promise<Image> {
  const ensure = async () => {
    try {
      const base = await ensureLocalBase(store, signal);
      const name = await nameOn(base);
      const there = await store.find(name);
      if (there) return there;
      report(`building the image ${name}`);
      await build(store, name, base, signal);
      await removeOld(store);
      const made = await store.find(name);
      if (made) return made;
      throw new Error('no image came of it');
    } catch (error) {
      if (error instanceof PeerLabError) throw error;
      signal?.throwIfAborted();
      throw new PeerLabError('build-failed', { about: 'peerlab/faults', got: reasonOf(error), cause: error });
    }
  };
  return withLock(join(ROOT, 'dist', '.faults-build.lock'), ensure, signal);
}

async function nameOn(base: Image): Promise<string> {
  return `peerlab/faults:${(await inputsOn(base)).slice(0, 16)}`;
}

async function inputsOn(base: Image): Promise<string> {
  const sources = await Promise.all(AGENT_FILES.map((file) => readFile(join(ROOT, file), 'utf8')));
  return hashOf([], DOCKERFILE, base.id, ...PACKAGES, ...sources);
}

async function build(store: ImageStore, name: string, base: Image, signal?: AbortSignal): Promise<void> {
  const folder = await makeStaging('faults');
  try {
    const context = join(folder, 'context');
    await mkdir(join(context, 'root'), { recursive: true });
    await unpackWithLibraries(folder, join(context, 'root'), PACKAGES, signal);
    for (const file of AGENT_FILES) await cp(join(ROOT, file), join(context, 'agent', file));
    await writeFile(join(context, 'Dockerfile'), DOCKERFILE);
    const args = { BASE: base.name, PEERLAB_INPUTS: await inputsOn(base) };
    await store.build(context, { name, args }, signal);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
