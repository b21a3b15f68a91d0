import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describeKilledLab } from './killed-lab.contract.ts';

const env = { ...process.env, KUBECONFIG: process.env.PEERLAB_KUBECONFIG ?? process.env.KUBECONFIG };

describeKilledLab({
  driver: 'kubernetes',
  // All that a run makes is in one namespace, whose name holds its id.
  tracesOf: async (runId) => {
    const { stdout } = await promisify(execFile)('kubectl', ['get', 'namespaces', '--output', 'name'], { env });
    return stdout.split('\n').filter((name) => name.includes(runId));
  },
});
