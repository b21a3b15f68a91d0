import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { PeerLabError } from '#proto/errors.ts';
import { apply, kubectl } from './kubectl.ts';
import { ACCOUNT, kubeconfig, namespaceOf, readClassroom, teamObjects } from './team.ts';

export interface TeamsInit {
  readonly names: readonly string[];
  /** Where the logins are written: a file for each team. */
  readonly folder: string;
  /** How long the logins are good for; a cluster may allow less. */
  readonly hours: number;
  readonly tell: (line: string) => void;
}

const CLASSROOM = path.join(import.meta.dirname, '..', '..', 'k8s');

/** @throws PeerLabError `usage`, `command-failed` */
export async function makeTeams({ names, folder, hours, tell }: TeamsInit): Promise<void> {
  const teams = names.map((name) => ({ name, namespace: namespaceOf(name) }));
  const classroom = readClassroom(CLASSROOM);
  const cluster = await clusterOfKubectl();
  mkdirSync(folder, { recursive: true });
  for (const { name, namespace } of teams) {
    const objects = teamObjects(classroom, namespace, await tokensIn(namespace));
    await apply(objects);
    const tokens = await tokensIn(namespace);
    const token = await kubectl('--namespace', namespace, 'create', 'token', ACCOUNT, `--duration=${hours}h`);
    const file = path.join(folder, `${name}.kubeconfig`);
    rmSync(file, { force: true });
    // Who reads it is the team.
    writeFileSync(file, kubeconfig(cluster, namespace, token.trim()), { mode: 0o600 });
    tell(`${name}: namespace ${namespace}, login ${file}, token of its page ${plain(tokens?.['page-token'])}`);
  }
  tell(`A team works with: export KUBECONFIG=${path.join(folder, `${names[0]}.kubeconfig`)}`);
}

const plain = (base64 = '') => Buffer.from(base64, 'base64').toString();

/** Of a team that is there already. */
async function tokensIn(namespace: string): Promise<Record<string, string> | undefined> {
  const words = ['--namespace', namespace, 'get', 'secret', 'classroom', '--ignore-not-found', '-o', 'json'];
  const found = await kubectl(...words);
  return found.trim() === '' ? undefined : JSON.parse(found).data;
}

async function clusterOfKubectl(): Promise<object> {
  const config = JSON.parse(await kubectl('config', 'view', '--minify', '--raw', '--flatten', '-o', 'json'));
  const cluster = config.clusters?.[0]?.cluster;
  if (cluster) return cluster;
  throw new PeerLabError('no-cluster', { got: 'kubectl has no current context' });
}
