import { readFileSync } from 'node:fs';
import { PeerLabError } from '#proto/errors.ts';
import { DRIVERS } from '../drivers/table.ts';
import { command } from './command.ts';
import { nodesOfCluster } from './kubectl.ts';
import { type WayIn, wayInto } from './way-in.ts';

type Tell = (line: string) => void;

/** Not ours: taken along where the engine has it, else pulled by the cluster. */
export const PROMETHEUS = 'prom/prometheus:v2.42.0';

/** The engine's own client knows what the user has set up: contexts, and logins at registries. No word of it has a space. */
const clientWords = (words: string) => `docker ${words}`.split(' ');
const client = (words: string) => command(clientWords(words));

/**
 * Makes PeerLab's images, under the names that the manifests have.
 * @returns these names
 * @throws PeerLabError `no-engine`, `build-failed`, …
 */
async function ownImages(tell: Tell): Promise<string[]> {
  const made = await DRIVERS.find(({ makeImages }) => makeImages)?.makeImages?.(tell, true);
  const names: string[] = [];
  for (const [kind, { id }] of Object.entries(made?.images ?? {})) {
    const name = `peerlab/${kind}:${made?.version}`;
    await client(`tag ${id} ${name}`);
    names.push(name);
  }
  return names;
}

/** @throws PeerLabError `no-cluster`, `images-not-loaded`, `command-failed`, and as `ownImages` */
export async function loadImages(tell: Tell): Promise<void> {
  const nodes = await nodesOfCluster();
  const own = await ownImages(tell);
  const hasPrometheus = await client(`image inspect ${PROMETHEUS}`).then(
    () => true,
    () => false,
  );
  const images = hasPrometheus ? [...own, PROMETHEUS] : own;
  const way = wayInto(nodes, images, { bootId: bootId(), containerd: process.env.CONTAINERD_ADDRESS || undefined });
  if (typeof way === 'string') throw new PeerLabError('images-not-loaded', { got: way });
  await go(way, images);
  for (const image of images) tell(`loaded ${image}`);
  tell(`into ${way.what}`);
  if (way.leftOut.length > 0)
    tell(`Not on ${way.leftOut.join(', ')}: run this there too, or push to a registry (make k8s-push REGISTRY=…)`);
  if (!hasPrometheus)
    tell(
      `The cluster pulls ${PROMETHEUS} itself. If it can not: docker pull ${PROMETHEUS}, and make k8s-load once more.`,
    );
}

async function go({ commands }: WayIn, images: readonly string[]): Promise<void> {
  for (const { words, readsArchive } of commands)
    await command(words, readsArchive ? { from: clientWords(`save ${images.join(' ')}`) } : {});
}

/** @throws PeerLabError `usage`, `command-failed`, and as `ownImages` */
export async function pushImages(registry: string, tell: Tell): Promise<void> {
  const place = registry.replace(/\/+$/, '');
  if (!/^[a-z0-9.-]+(:\d+)?(\/[a-z0-9._/-]+)?$/.test(place))
    throw new PeerLabError('usage', { expected: 'a registry, such as registry.example.org/class', got: registry });
  for (const name of await ownImages(tell)) {
    await client(`tag ${name} ${place}/${name}`);
    await client(`push ${place}/${name}`);
    tell(`pushed ${place}/${name}`);
  }
  tell('The manifests name these images after:');
  tell(`sed -i 's#image: peerlab/#image: ${place}/peerlab/#' k8s/*.yaml`);
}

/** Of this kernel, since it started. Where it says none, no node can be this machine. */
function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return 'unknown';
  }
}
