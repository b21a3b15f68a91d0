import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import Docker from 'dockerode';
import { afterAll, expect, test, vi } from 'vitest';
import { describeDriver } from '../driver.contract.ts';
import { buildImages } from './build-images.ts';
import { dockerCapabilities } from './capabilities.ts';
import { createDockerDriver } from './docker-driver.ts';
import { followed } from './docker-images.ts';
import { connectionOf, findEngine } from './engine.ts';
import { engineAbilities, surveyEngine } from './survey.ts';

const engine = await findEngine();
const abilities = await engineAbilities();
const isRequired = process.env.PEERLAB_REQUIRE_DOCKER === '1';
const docker = new Docker(typeof engine === 'string' ? {} : connectionOf(engine.endpoint));
const STAND_IN = 'peerlab/stand-in:test';

afterAll(async () => {
  if (typeof engine !== 'string') await docker.getImage(STAND_IN).remove({ force: true });
});

describeDriver('docker', {
  create: createDockerDriver,
  ...(typeof abilities === 'string' ? {} : { capabilities: dockerCapabilities(abilities) }),
  standIn: buildStandIn,
  killHost: (runId, name) => docker.getContainer(`peerlab-${runId}-${name}`).kill(),
  snapshot: async () => {
    const ours = { filters: { label: ['peerlab.run'] } };
    const containers = await docker.listContainers({ all: true, ...ours });
    const networks = await docker.listNetworks(ours);
    const { Volumes } = await docker.listVolumes(ours);
    return [
      ...containers.map(({ Names }) => `container ${Names[0]}`),
      ...networks.map(({ Name }) => `network ${Name}`),
      ...(Volumes ?? []).map(({ Name }) => `volume ${Name}`),
    ].filter((line) => /peerlab-t[0-9a-f]{10}/.test(line));
  },
  ...(typeof engine === 'string' && !isRequired ? { skipReason: engine } : {}),
});

test.skipIf(typeof engine === 'string')('surveys the engine without making anything on it', async () => {
  await buildImages(() => {});
  const count = async () => (await docker.listImages({ all: true })).length;
  const made: number[] = [];
  // Other tests may build images at the same time, but not at every time.
  while (made.length < 5 && !made.includes(0)) {
    const before = await count();
    const [survey, now] = [await surveyEngine(), await engineAbilities()];
    made.push((await count()) - before);
    expect(survey).toMatchObject({
      ...(now as object),
      endpoint: (engine as { endpoint: string }).endpoint,
      images: { state: 'current', base: expect.stringMatching(/node/), source: undefined },
      networks: expect.any(Number),
    });
  }
  expect(made).toContain(0);
});

test('where there is no engine, says why', async () => {
  vi.stubEnv('DOCKER_HOST', 'unix:///nowhere/docker.sock');
  expect(await engineAbilities()).toMatch(/no Docker engine answers/);
  expect(await surveyEngine()).toMatch(/no Docker engine answers/);
  vi.unstubAllEnvs();
});

/** stand-in.ts on our own base, as a user's image: its own user, no folder /share. */
async function buildStandIn(): Promise<string> {
  await buildImages(() => {});
  const folder = await mkdtemp(join(tmpdir(), 'peerlab-stand-in-'));
  try {
    await cp(join(import.meta.dirname, '..', 'stand-in.ts'), join(folder, 'stand-in.ts'));
    const lines = [
      'FROM peerlab/base:latest',
      'COPY stand-in.ts /srv/',
      'USER 12345',
      'ENTRYPOINT ["node", "/srv/stand-in.ts"]',
    ];
    await writeFile(join(folder, 'Dockerfile'), lines.join('\n'));
    const stream = await docker.buildImage({ context: folder, src: ['.'] }, { t: STAND_IN, rm: true, forcerm: true });
    await followed(docker, stream as Readable);
    return STAND_IN;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
