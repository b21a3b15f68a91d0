import { PeerLabError, reasonOf } from '#proto/errors.ts';
import type { DriverDescription } from '../description.ts';
import { FOOTPRINT_ELSEWHERE, groundElsewhere } from '../elsewhere.ts';
import { kubernetesCapabilities } from './capabilities.ts';
import { Cluster } from './cluster.ts';
import { findKubeconfig } from './kubeconfig.ts';
import { createKubernetesDriver } from './kubernetes-driver.ts';
import { examineForKubernetes } from './preflight.ts';
import { usersProgram, usersProgramLack } from './programs.ts';
import { surveyCluster } from './survey.ts';
import { kubernetesSweeper } from './sweeper.ts';

const MIB = 1024 * 1024;

export const kubernetesDriver: DriverDescription = {
  kind: 'kubernetes',
  isAutomatic: false,
  carrier: {
    name: 'cluster',
    absent: 'no-cluster',
    help: 'set PEERLAB_KUBECONFIG to the kubeconfig of a cluster, or let kubectl have a current context',
  },
  async survey() {
    if (!findKubeconfig(process.env)) return 'no kubeconfig names a cluster';
    try {
      const cluster = await Cluster.named();
      try {
        const survey = await surveyCluster(cluster);
        return { what: `Kubernetes ${survey.version} at ${cluster.what}`, can: kubernetesCapabilities(survey) };
      } finally {
        cluster.close();
      }
    } catch (error) {
      return reasonOf(error);
    }
  },
  /** Whether a node can get the image shows when its first pod starts. */
  async find(asked) {
    const lack = usersProgramLack(asked);
    if (lack) throw new PeerLabError('no-program', { about: asked, got: `${lack.why}; ${lack.help}` });
    return { name: usersProgram(asked).image };
  },
  create: createKubernetesDriver,
  sweeper: kubernetesSweeper,
  footprint: { ...FOOTPRINT_ELSEWHERE, labBytes: 250 * MIB },
  examine: async () => ({ ground: groundElsewhere(), checks: await examineForKubernetes() }),
};
