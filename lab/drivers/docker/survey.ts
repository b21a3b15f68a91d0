import { reasonOf } from '#proto/errors.ts';
import { kernelAbilities } from '../agent/kernel-abilities.ts';
import type { ImagesSurvey } from '../images/survey.ts';
import type { EngineAbilities } from './capabilities.ts';
import type { EngineConnection } from './connection.ts';
import { type EngineInfo, findEngine } from './engine.ts';

/** Which engine it is. */
type EngineIdentity = Pick<EngineInfo, 'version' | 'endpoint' | 'by'>;

/** What can be known of an engine without making anything on it. */
export interface EngineSurvey extends EngineAbilities, EngineIdentity {
  /** Where images and volumes lie, as the engine sees it. */
  readonly rootFolder: string;
  /** Bridges, the default one included, and the address pools that they take theirs from. */
  readonly networks: number;
  readonly addressPools: number;
  readonly images: ImagesSurvey;
}

/** What is needed of the engine's answer to `docker info`. */
interface Info {
  readonly MemoryLimit: boolean;
  readonly CpuCfsQuota: boolean;
  readonly NCPU: number;
  readonly KernelVersion: string;
  readonly DockerRootDir: string;
  /** Absent, or null, when nobody configured any. */
  readonly DefaultAddressPools?: readonly { readonly Base: string; readonly Size: number }[] | null;
}

/** Built into the engine: 172.17 to 172.31 as /16, and 192.168 in sixteen /20. */
const BUILT_IN_POOLS = 15 + 16;

/** What the engine can do, or a sentence that says why there is none. Never throws. */
export async function engineAbilities(): Promise<(EngineAbilities & EngineIdentity) | string> {
  return asked(async (engine) => ({
    ...(await abilitiesOf(engine, await infoOf(engine))),
    ...identityOf(engine),
  }));
}

/** All of the engine that decides whether a run will go well, or a sentence that says why there is none. Never throws. */
export async function surveyEngine(): Promise<EngineSurvey | string> {
  return asked(async (engine) => {
    const [{ surveyImages }, { DockerImages }] = await Promise.all([
      import('../images/survey.ts'),
      import('./docker-images.ts'),
    ]);
    const info = await infoOf(engine);
    const bridges = await engine.call('list networks', engine.docker.listNetworks({ filters: { driver: ['bridge'] } }));
    return {
      ...(await abilitiesOf(engine, info)),
      ...identityOf(engine),
      rootFolder: info.DockerRootDir,
      networks: bridges.length,
      addressPools: poolsOf(info),
      images: await surveyImages(new DockerImages(engine)),
    };
  });
}

async function asked<T>(work: (engine: EngineConnection) => Promise<T>): Promise<T | string> {
  const found = await findEngine();
  if (typeof found === 'string') return found;
  try {
    const { EngineConnection } = await import('./connection.ts');
    return await work(new EngineConnection(found));
  } catch (error) {
    return reasonOf(error);
  }
}

function identityOf({ info: { version, endpoint, by } }: EngineConnection): EngineIdentity {
  return { version, endpoint, by };
}

function infoOf(engine: EngineConnection): Promise<Info> {
  return engine.call('ask what it can do', engine.docker.info());
}

async function abilitiesOf(engine: EngineConnection, info: Info): Promise<EngineAbilities> {
  const [{ faultImageFlaw }, { DockerImages }] = await Promise.all([
    import('../agent/image.ts'),
    import('./docker-images.ts'),
  ]);
  return {
    limitsMemory: info.MemoryLimit,
    limitsCpu: info.CpuCfsQuota,
    cpus: info.NCPU,
    toolsLack: await faultImageFlaw(new DockerImages(engine)),
    kernel: kernelAbilities(info.KernelVersion),
  };
}

/** A pool of `Base` 10.0.0.0/8 with `Size` 24 holds 2^16 networks. */
function poolsOf({ DefaultAddressPools: pools }: Info): number {
  if (!pools || pools.length === 0) return BUILT_IN_POOLS;
  return pools.reduce((sum, { Base, Size }) => sum + 2 ** Math.max(0, Size - Number(Base.split('/')[1])), 0);
}
