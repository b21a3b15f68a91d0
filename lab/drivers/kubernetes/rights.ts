import { inPool } from '../../limit.ts';
import type { CallInit, Cluster } from './cluster.ts';

/** WHAT THE DRIVER MUST BE ALLOWED, and whether it is: the server says so. */
const REVIEWS_AT_ONCE = 6;

export interface Right {
  readonly verb: string;
  readonly group?: string;
  readonly resource: string;
}

/** All that the driver does outside of what its own watchdog may: an administrator can make a role of it. */
export const RIGHTS: readonly Right[] = [
  ...['create', 'get', 'list', 'delete'].map((verb) => ({ verb, resource: 'namespaces' })),
  ...['create', 'list', 'watch', 'delete', 'deletecollection'].map((verb) => ({ verb, resource: 'pods' })),
  // By a WebSocket, which begins as a GET.
  ...['create', 'get'].map((verb) => ({ verb, resource: 'pods/portforward' })),
  { verb: 'get', resource: 'pods/log' },
  { verb: 'create', resource: 'pods/eviction' },
  { verb: 'create', resource: 'secrets' },
  { verb: 'create', resource: 'serviceaccounts' },
  { verb: 'create', group: 'networking.k8s.io', resource: 'networkpolicies' },
  ...['create', 'get', 'patch'].map((verb) => ({ verb, group: 'coordination.k8s.io', resource: 'leases' })),
  ...['roles', 'rolebindings'].map((resource) => ({ verb: 'create', group: 'rbac.authorization.k8s.io', resource })),
];

/** And to let in agents that disturb networks. */
export const AGENTS_RIGHTS: readonly Right[] = [{ verb: 'patch', resource: 'pods/ephemeralcontainers' }];

/** And to drain nodes; the last of them for the watchdog, which is to put them back in service. */
export const DRAIN_RIGHTS: readonly Right[] = [
  ...['get', 'list', 'patch'].map((verb) => ({ verb, resource: 'nodes' })),
  ...['clusterroles', 'clusterrolebindings'].map((resource) => ({
    ...{ verb: 'create', group: 'rbac.authorization.k8s.io', resource },
  })),
];

/** @returns those that are not granted: `create pods` */
export async function deniedRights(cluster: Cluster, rights: readonly Right[], init: CallInit = {}): Promise<string[]> {
  const denied: string[] = [];
  await inPool(rights, REVIEWS_AT_ONCE, async ({ verb, group = '', resource: named }) => {
    const [resource = '', subresource = ''] = named.split('/');
    const body = {
      ...{ apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectAccessReview' },
      spec: { resourceAttributes: { verb, group, resource, subresource } },
    };
    const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
    const { status } = await cluster.ask<{ status: { allowed: boolean } }>('POST', path, {
      patienceMs: 0,
      ...init,
      body,
    });
    if (!status.allowed) denied.push(nameOf({ verb, resource: named }));
  });
  return denied.sort();
}

export function nameOf({ verb, resource }: Right): string {
  return `${verb} ${resource}`;
}
