import Docker from 'dockerode';
import { describeKilledLab } from './killed-lab.contract.ts';

const docker = new Docker();

describeKilledLab({
  driver: 'docker',
  // All names of a run hold its id: what lost its label would be found, too.
  tracesOf: async (runId) => {
    const [containers, networks, { Volumes }] = await Promise.all([
      docker.listContainers({ all: true }),
      docker.listNetworks(),
      docker.listVolumes(),
    ]);
    const names = [
      ...containers.flatMap(({ Names }) => Names),
      ...networks.map(({ Name }) => Name),
      ...(Volumes ?? []).map(({ Name }) => Name),
    ];
    return names.filter((name) => name.includes(runId));
  },
});
