import { PeerLabError, reasonOf } from '#proto/errors.ts';
import { command } from './command.ts';
import type { ClusterNode } from './way-in.ts';

/** The cluster that kubectl points at, by kubectl itself: what is done here is what people do by hand. */

/** @throws PeerLabError `command-failed` */
export async function kubectl(...words: string[]): Promise<string> {
  return command(['kubectl', ...words]);
}

/** Creates or changes objects. @returns kubectl's line for each. @throws PeerLabError `command-failed` */
export async function apply(objects: readonly object[]): Promise<string> {
  const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects });
  return command(['kubectl', 'apply', '-f', '-'], { input });
}

interface NodeObject {
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  readonly spec: { readonly providerID?: string };
  readonly status: {
    readonly nodeInfo: {
      readonly containerRuntimeVersion: string;
      readonly kubeletVersion: string;
      readonly bootID: string;
    };
  };
}

/** @throws PeerLabError `no-cluster` */
export async function nodesOfCluster(): Promise<ClusterNode[]> {
  try {
    const { items } = JSON.parse(await kubectl('get', 'nodes', '-o', 'json')) as { items: NodeObject[] };
    return items.map(({ metadata, spec, status: { nodeInfo } }) => ({
      name: metadata.name,
      labels: metadata.labels ?? {},
      providerId: spec.providerID ?? '',
      runtime: nodeInfo.containerRuntimeVersion,
      version: nodeInfo.kubeletVersion,
      bootId: nodeInfo.bootID,
    }));
  } catch (cause) {
    throw new PeerLabError('no-cluster', { got: reasonOf(cause), cause });
  }
}
