import Docker from 'dockerode';
import { expect } from 'vitest';
import { createDockerDriver } from '../drivers/docker/docker-driver.ts';
import { connectionOf, findEngine } from '../drivers/docker/engine.ts';
import { engineAbilities } from '../drivers/docker/survey.ts';
import { describeSurroundings } from './surroundings.contract.ts';

const abilities = await engineAbilities();
const lack = typeof abilities === 'string' ? abilities : abilities.toolsLack;

describeSurroundings('docker', {
  create: createDockerDriver,
  skipReason: process.env.PEERLAB_REQUIRE_DOCKER === '1' ? undefined : lack,
  async expectHelper(runId, when) {
    const docker = new Docker(connectionOf(((await findEngine()) as { endpoint: string }).endpoint));
    const label = [`peerlab.run=${runId}`, 'peerlab.role=fault', 'peerlab.peer=fault-one'];
    const [helper] = await docker.listContainers({ all: true, filters: { label } });
    if (when === 'killed') return expect(helper).toBeUndefined();
    const { HostConfig } = await docker.getContainer(helper?.Id ?? '').inspect();
    expect(HostConfig).toMatchObject({
      CapDrop: ['ALL'],
      CapAdd: ['NET_ADMIN'],
      Privileged: false,
      ReadonlyRootfs: true,
    });
    expect((await docker.getContainer(`peerlab-${runId}-one`).inspect()).HostConfig.CapAdd).toBeNull();
  },
});
