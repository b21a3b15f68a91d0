import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';

const TOKEN_FILE = '/var/run/secrets/kubernetes.io/serviceaccount/token';

/** Who says which cluster: a file, kubectl's own way (files of KUBECONFIG, or the usual one), or the pod that this runs in. */
export type Kubeconfig =
  | { readonly kind: 'file'; readonly file: string | undefined; readonly by: string }
  | { readonly kind: 'inside'; readonly by: string };

/** Undefined when nothing names a cluster. Looks for files, and asks nobody. */
export function findKubeconfig(env: NodeJS.ProcessEnv): Kubeconfig | undefined {
  if (env.PEERLAB_KUBECONFIG) return { kind: 'file', file: env.PEERLAB_KUBECONFIG, by: 'PEERLAB_KUBECONFIG' };
  if (env.KUBECONFIG) return { kind: 'file', file: undefined, by: 'KUBECONFIG' };
  const usual = path.join(env.HOME || homedir(), '.kube', 'config');
  if (existsSync(usual)) return { kind: 'file', file: undefined, by: usual };
  const isInside = env.KUBERNETES_SERVICE_HOST && existsSync(TOKEN_FILE);
  return isInside ? { kind: 'inside', by: 'the account of this pod' } : undefined;
}
