import { reasonOf } from '#proto/errors.ts';
import { type Amounts, compare, count, type Finding, type PreflightCheck } from '../../machine/check.ts';
import { instancesOf } from '../../machine/size.ts';
import { Cluster } from './cluster.ts';
import { ownImage } from './programs.ts';
import { AGENTS_RIGHTS, deniedRights, RIGHTS } from './rights.ts';
import { type ClusterSurvey, surveyCluster } from './survey.ts';

interface Room extends Pick<Amounts, 'show' | 'what'> {
  readonly name: string;
  readonly of: 'cpus' | 'memoryBytes' | 'pods';
  readonly beside: number;
  readonly perPeer: number;
  /** What would help beside more nodes. */
  readonly more: string;
}

/** What a run takes of all nodes together: the pods of gateway, watchdog and directory, and what pods.ts requests. */
const ROOM: readonly Room[] = [
  {
    ...{ name: 'pods', of: 'pods', beside: 3, perPeer: 1, show: count, what: 'pods on its nodes, of all users' },
    more: ' (or a higher maxPods of their kubelets)',
  },
  {
    ...{ name: 'requests of CPU', of: 'cpus', beside: 0.16, perPeer: 0.005, what: 'CPUs on its nodes, of all users' },
    ...{ show: (cpus: number) => cpus.toFixed(2), more: '' },
  },
  {
    ...{ name: 'requests of memory', of: 'memoryBytes', beside: 256 * 2 ** 20, perPeer: 96 * 2 ** 20 },
    ...{ show: (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`, more: '' },
    what: 'of memory on its nodes, of all users',
  },
];

interface Found {
  readonly survey: ClusterSurvey;
  /** Those that are not granted: `create pods`. */
  readonly denied: readonly string[];
}

/** Changes nothing. Where no cluster answers, there is nothing to check. */
export async function examineForKubernetes(): Promise<PreflightCheck[]> {
  try {
    const cluster = await Cluster.named();
    try {
      const survey = await surveyCluster(cluster);
      const rights = survey.podSecurity === 'privileged' ? [...RIGHTS, ...AGENTS_RIGHTS] : RIGHTS;
      return kubernetesChecks({ survey, denied: await deniedRights(cluster, rights) });
    } finally {
      cluster.close();
    }
  } catch (error) {
    const found: Finding = { state: 'unknown', found: reasonOf(error) };
    return [{ name: 'cluster', judge: () => found }];
  }
}

export function kubernetesChecks({ survey: { nodes, podSecurity }, denied }: Found): PreflightCheck[] {
  const images = ['lab', 'directory', 'peer', ...(podSecurity === 'privileged' ? ['faults'] : [])];
  return [
    { name: 'rights', judge: () => judgeRights(denied) },
    { name: 'images', judge: () => judgeImages(nodes, images.map(imageOf)) },
    ...ROOM.map(({ name, of, beside, perPeer, show, what, more }): PreflightCheck => {
      const available = nodes.length === 0 ? undefined : nodes.reduce((sum, node) => sum + node[of], 0);
      const fix = `use fewer peers or --peers-per-instance, or ask for more nodes${more}`;
      return {
        name,
        judge: (_, { size }) => compare({ available, wanted: beside + instancesOf(size) * perPeer, show, what, fix }),
      };
    }),
  ];
}

const imageOf = (kind: string) => ownImage(kind as Parameters<typeof ownImage>[0]);

function judgeRights(denied: readonly string[]): Finding {
  if (denied.length === 0) return { state: 'ok', found: 'all that a run needs' };
  return {
    state: 'lacking',
    found: `not granted: ${denied.join(', ')}`,
    needed: 'all that a run needs',
    fix: 'ask the administrator for a ClusterRole with these (docs/drivers.md has the whole list)',
  };
}

/** An image from a registry is pulled; of those without one, a node must have them. */
export function judgeImages(nodes: ClusterSurvey['nodes'], images: readonly string[]): Finding {
  const lacking = images.flatMap((image) =>
    nodes
      .filter(({ images: there }) => !there.some((name) => name === image || name === `docker.io/${image}`))
      .map((node) => ({ node, image })),
  );
  if (nodes.length === 0) return { state: 'unknown', found: 'its nodes can not be looked at' };
  const [first] = lacking;
  if (!first) return { state: 'ok', found: `${images.join(', ')} on every node` };
  if (lacking.some(({ node }) => !node.saysAllImages))
    return { state: 'unknown', found: `${first.node.name} has more images than it tells: ${first.image} may be there` };
  return {
    state: 'lacking',
    found: `${first.node.name} does not have ${first.image}`,
    needed: images.join(', '),
    fix: 'make k8s-load, or make k8s-push REGISTRY=… and PEERLAB_KUBERNETES_REGISTRY=…',
  };
}
