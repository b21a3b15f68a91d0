import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { V1Namespace } from '@kubernetes/client-node';
import { describeDriver } from '../driver.contract.ts';
import { kubernetesCapabilities } from './capabilities.ts';
import { Cluster } from './cluster.ts';
import { createKubernetesDriver } from './kubernetes-driver.ts';
import { LABEL, namespaceOf, podNameOf } from './names.ts';
import { ownImage } from './programs.ts';
import { surveyCluster } from './survey.ts';

const cluster = await Cluster.named().catch((error: Error) => error);
const survey = cluster instanceof Error ? cluster : await surveyCluster(cluster).catch((error: Error) => error);
const isRequired = process.env.PEERLAB_REQUIRE_KUBERNETES === '1';

/** Kills what the keeper of a pod keeps, from inside: nobody else may. */
const KILL = `for (const pid of require('fs').readFileSync('/proc/1/task/1/children', 'utf8').trim().split(' ')) process.kill(pid, 9)`;

describeDriver('kubernetes', {
  create: createKubernetesDriver,
  ...(survey instanceof Error ? {} : { capabilities: kubernetesCapabilities(survey) }),
  standIn: async () => `${ownImage('lab')} node /app/lab/drivers/stand-in.ts`,
  async killHost(runId, name) {
    const env = { ...process.env, KUBECONFIG: process.env.PEERLAB_KUBECONFIG ?? process.env.KUBECONFIG };
    const words = ['exec', '-n', namespaceOf(runId), podNameOf(name), '-c', 'peer', '--', 'node', '-e', KILL];
    await promisify(execFile)('kubectl', words, { env });
  },
  async snapshot() {
    const path = `/api/v1/namespaces?labelSelector=${LABEL.run}`;
    for (let attempt = 1; ; attempt++) {
      const { items } = await (cluster as Cluster).ask<{ items: V1Namespace[] }>('GET', path);
      const ours = items.filter(({ metadata }) => /^peerlab-run-t[0-9a-f]{10}$/.test(metadata?.name ?? ''));
      // Who is in a hurry leaves the cluster to its work, which takes it some seconds.
      if (attempt > 60 || !ours.some(({ metadata }) => metadata?.deletionTimestamp))
        return ours.map(({ metadata }) => `namespace ${metadata?.name}`);
      await sleep(500);
    }
  },
  ...(survey instanceof Error && !isRequired ? { skipReason: survey.message } : {}),
});
