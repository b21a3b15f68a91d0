import type { Capabilities, Lack } from '../capabilities.ts';
import { hostedLack } from '../hosted-peer.ts';

/** What an engine says of itself that decides what its containers can do. */
export interface EngineAbilities {
  readonly limitsMemory: boolean;
  readonly limitsCpu: boolean;
  readonly cpus: number;
}

/** The engine refuses less. */
const LEAST_MEMORY_BYTES = 6 * 1024 * 1024;
/** Names of images as Docker has them: a registry, lower-case segments, a tag, a digest. */
const REFERENCE =
  /^([a-zA-Z0-9][a-zA-Z0-9.-]*(:\d+)?\/)?[a-z0-9]+([._-]+[a-z0-9]+)*(\/[a-z0-9]+([._-]+[a-z0-9]+)*)*(:[\w.-]{1,128})?(@sha256:[0-9a-f]{64})?$/;

const CGROUPS_HELP = 'boot the kernel with memory and CPU cgroups; see the warnings of docker info';

export function dockerCapabilities({ limitsMemory, limitsCpu, cpus }: EngineAbilities): Capabilities {
  return {
    'memory-limit'(bytes) {
      if (!limitsMemory) return { why: 'the engine can not limit memory on this kernel', help: CGROUPS_HELP };
      if (bytes >= LEAST_MEMORY_BYTES) return undefined;
      return { why: 'Docker takes no limit below 6 MiB', help: 'raise the limit' };
    },
    'cpu-limit'(wanted) {
      if (!limitsCpu) return { why: 'the engine can not limit CPU on this kernel', help: CGROUPS_HELP };
      if (wanted <= cpus) return undefined;
      return { why: `the engine has ${cpus} CPUs`, help: 'lower the limit, or leave it out' };
    },
    'own-peer': (image) => (REFERENCE.test(image) || /^sha256:[0-9a-f]{64}$/.test(image) ? undefined : noImage),
    'while-hosted': hostedLack,
  };
}

const noImage: Lack = {
  why: 'for the docker driver this is the name of an image, and no image has such a name',
  help: 'give the name of an image, or take --driver process if it is a command',
};
