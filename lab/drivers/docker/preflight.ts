import { freemem } from 'node:os';
import { compare, count, type Finding, type PreflightCheck } from '../../machine/check.ts';
import { diskOf } from '../../machine/disk.ts';
import { inotifyFacts, type NeighbourFacts, neighbourFacts, taskFacts } from '../../machine/kernel.ts';
import { instancesOf } from '../../machine/size.ts';
import type { Examined } from '../description.ts';
import type { ImagesSurvey } from '../images/survey.ts';
import { type EngineSurvey, surveyEngine } from './survey.ts';

/** The user that our images run as: all their instances share its inotify instances. */
const IMAGE_UID = 10_001;
/** What building the images leaves on the engine's disk. */
const IMAGES_BYTES = 300 * 1024 * 1024;
/** The number of ports of a Linux bridge; each container takes one. */
const BRIDGE_PORTS = 1023;

/** Takes a second at most, mostly the engine's. Containers are not in the lab's own cgroup. */
export async function examineForDocker(): Promise<Examined> {
  const engine = await surveyEngine();
  const isThere = typeof engine !== 'string';
  return {
    ground: {
      tasks: await taskFacts(false),
      inotify: await inotifyFacts(IMAGE_UID),
      memoryBytes: freemem(),
      // An engine's folder may lie in a machine of its own.
      shares: isThere ? await diskOf(engine.rootFolder) : undefined,
      prepareBytes: isThere && engine.images.state !== 'current' ? IMAGES_BYTES : 0,
    },
    checks: [...(isThere ? engineChecks(engine) : []), bridge, neighbours(await neighbourFacts())],
  };
}

export function engineChecks(engine: Pick<EngineSurvey, 'images' | 'addressPools' | 'networks'>): PreflightCheck[] {
  return [
    { name: 'images', judge: () => judgeImages(engine.images) },
    {
      name: 'address pools',
      judge: () =>
        compare({
          available: Math.max(0, engine.addressPools - engine.networks),
          wanted: 1,
          show: count,
          what: `left of about ${engine.addressPools} for networks`,
          fix: 'docker network prune, or more default-address-pools in /etc/docker/daemon.json',
        }),
    },
  ];
}

function judgeImages({ state, base, source }: ImagesSurvey): Finding {
  if (state === 'current') return { state: 'ok', found: 'built, and made from the sources of now' };
  const found = `${state}; a run builds them in some 10 s`;
  if (base !== undefined) return { state: 'ok', found: `${found}, on ${base}` };
  if (source && 'from' in source) {
    const from = source.from === 'registry' ? 'pulled from the registry' : 'made from Debian packages';
    return { state: 'ok', found: `${found}; their base will be ${from}` };
  }
  return {
    state: 'lacking',
    found: `${state}, and no base for them is available: ${source?.lacking}`,
    needed: 'a base with Node',
    fix: 'docker pull node:24-bookworm-slim where a registry answers (docker save and docker load carry it here), or use Debian with apt-get',
  };
}

export const bridge: PreflightCheck = {
  name: 'bridge',
  judge: (_, { size }) =>
    compare({
      available: BRIDGE_PORTS,
      wanted: instancesOf(size) + 1,
      show: count,
      what: 'containers on one bridge',
      fix: 'use fewer peers, --peers-per-instance, or --driver process',
    }),
};

/** In each direction one entry for whom an instance talks to: the directory, the lab by the bridge's own address, and other peers. */
export function neighbours(table: NeighbourFacts | undefined): PreflightCheck {
  return {
    name: 'neighbours',
    judge(_, { size }) {
      const instances = instancesOf(size);
      const wanted = 2 * (2 * instances + Math.min(size.transferPairs, (instances * (instances - 1)) / 2));
      return compare({
        available: table && table.limit - table.inUse,
        wanted,
        show: count,
        what: `entries left of ${table?.limit} in the table of neighbours`,
        fix: `sysctl net.ipv4.neigh.default.gc_thresh3=${Math.max(4096, 2 * wanted)}; or let fewer pairs of containers transfer files, or use --peers-per-instance. Beyond the limit connections hang`,
      });
    },
  };
}
