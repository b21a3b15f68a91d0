/** HOW IMAGES GET INTO A CLUSTER without a registry: told by what its nodes say of themselves. Pure. */

export interface ClusterNode {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Such as `kind://docker/kind/kind-control-plane`. */
  readonly providerId: string;
  /** Such as `containerd://2.0.1`. */
  readonly runtime: string;
  /** Of the kubelet, such as `v1.30.1+k3s1`. */
  readonly version: string;
  /** Of its kernel, since it started: the same for all that runs on one machine. */
  readonly bootId: string;
}

export interface WayIn {
  /** For people: what it is. */
  readonly what: string;
  /** Commands that put images there, one after another; each may read an archive of the images. */
  readonly commands: readonly { readonly words: readonly string[]; readonly readsArchive: boolean }[];
  /** Nodes that do not get them in this way. */
  readonly leftOut: readonly string[];
}

export interface Here {
  readonly bootId: string;
  /** Where containerd listens, as `ctr` itself reads it; undefined: its usual place. */
  readonly containerd: string | undefined;
}

const plain = (...words: string[]) => ({ words, readsArchive: false });
const archive = (...words: string[]) => ({ words, readsArchive: true });

/** The way into a cluster of these nodes, or a sentence that says why none is known. */
export function wayInto(nodes: readonly ClusterNode[], images: readonly string[], here: Here): WayIn | string {
  const [first] = nodes;
  if (first === undefined) return 'the cluster has no node';
  const kind = /^kind:\/\/[^/]*\/([^/]+)\//.exec(first.providerId)?.[1];
  if (kind !== undefined) {
    const words = plain('kind', 'load', 'docker-image', '--name', kind, ...images);
    return { what: `the kind cluster ${kind}`, commands: [words], leftOut: [] };
  }
  const minikube = first.labels['minikube.k8s.io/name'];
  if (minikube !== undefined) {
    const commands = images.map((image) => plain('minikube', 'image', 'load', '-p', minikube, image));
    return { what: `the minikube cluster ${minikube}`, commands, leftOut: [] };
  }
  const k3d = /^k3d-(.+)-(?:server|agent)-\d+$/.exec(first.name)?.[1];
  if (k3d !== undefined) {
    const words = plain('k3d', 'image', 'import', '-c', k3d, ...images);
    return { what: `the k3d cluster ${k3d}`, commands: [words], leftOut: [] };
  }
  return wayIntoNodes(nodes, here);
}

function wayIntoNodes(nodes: readonly ClusterNode[], { bootId, containerd }: Here): WayIn | string {
  const own = nodes.find((node) => node.bootId === bootId);
  if (own === undefined) {
    const [{ name, runtime } = { name: '', runtime: '' }] = nodes;
    return `it is not a cluster of kind, minikube or k3d, and its node ${name} (${runtime}) is another machine`;
  }
  const leftOut = nodes.filter((node) => node !== own).map(({ name }) => name);
  if (own.runtime.startsWith('docker:'))
    return { what: `the node ${own.name}, which runs the images of this Docker engine`, commands: [], leftOut };
  if (!own.runtime.startsWith('containerd:')) return `nobody knows how to load images into ${own.runtime}`;
  if (/\+k3s/.test(own.version) && containerd === undefined)
    return { what: `k3s on this machine`, commands: [archive('k3s', 'ctr', 'images', 'import', '-')], leftOut };
  const at = containerd === undefined ? [] : ['--address', containerd];
  const words = archive('ctr', ...at, '--namespace', 'k8s.io', 'images', 'import', '--local', '-');
  return { what: `containerd on this machine, the node ${own.name}`, commands: [words], leftOut };
}
