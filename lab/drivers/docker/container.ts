import type Docker from 'dockerode';

/** What one instance may use, when nothing else is asked for. */
const MEMORY_BYTES = 512 * 1024 * 1024;
const MAX_PIDS = 256;
const TMP_BYTES = 64 * 1024 * 1024;
const LOG_LIMITS = { 'max-size': '64m', 'max-file': '2' };

/** Limits of one peer; without them those of all instances hold. */
export interface PeerLimits {
  readonly memoryBytes?: number | undefined;
  readonly cpus?: number | undefined;
}

export interface ContainerInit {
  readonly containerName: string;
  readonly hostname: string;
  /** As people call it, and the id that pins it for the whole run. */
  readonly image: { readonly name: string; readonly id: string };
  readonly limits: PeerLimits;
  readonly labels: Record<string, string>;
  readonly env: Record<string, string>;
  /** Instead of what the image says. */
  readonly command?: readonly string[];
  readonly network: string;
  readonly address: string;
  /** The port that answers `/healthz`; it is published on 127.0.0.1. */
  readonly httpPort: number;
  /** The one folder that outlives the container's process, and where it is mounted; `isMade`: it is there, with options of its own. */
  readonly volume: { readonly name: string; readonly target: string; readonly isMade: boolean };
  /** Its weight where containers compete for the CPU; 1024 without. */
  readonly cpuShares?: number;
}

/** A container as the engine's API wants it: no root, no capabilities, nothing writable but its share and /tmp. */
export function containerOptions(init: ContainerInit): Docker.ContainerCreateOptions {
  const port = `${init.httpPort}/tcp`;
  return {
    name: init.containerName,
    Hostname: init.hostname,
    Image: init.image.id,
    ...(init.command && { Cmd: [...init.command] }),
    Labels: init.labels,
    Env: Object.entries(init.env).map(([name, value]) => `${name}=${value}`),
    ExposedPorts: { [port]: {} },
    HostConfig: hostConfigOf(init),
    NetworkingConfig: {
      EndpointsConfig: { [init.network]: { IPAMConfig: { IPv4Address: init.address }, Aliases: [init.hostname] } },
    },
  };
}

function hostConfigOf({ httpPort, network, labels, volume, limits, cpuShares }: ContainerInit): Docker.HostConfig {
  const memoryBytes = limits.memoryBytes ?? MEMORY_BYTES;
  return {
    NetworkMode: network,
    CapDrop: ['ALL'],
    SecurityOpt: ['no-new-privileges'],
    ...(cpuShares === undefined ? {} : { CpuShares: cpuShares }),
    PortBindings: { [`${httpPort}/tcp`]: [{ HostIp: '127.0.0.1', HostPort: '' }] },
    ReadonlyRootfs: true,
    Tmpfs: { '/tmp': `rw,noexec,nosuid,nodev,size=${TMP_BYTES}` },
    Memory: memoryBytes,
    // The same again means: no swap.
    MemorySwap: memoryBytes,
    ...(limits.cpus === undefined ? {} : { NanoCpus: Math.round(limits.cpus * 1e9) }),
    PidsLimit: MAX_PIDS,
    LogConfig: { Type: 'json-file', Config: LOG_LIMITS },
    Mounts: [
      {
        Type: 'volume',
        Source: volume.name,
        Target: volume.target,
        // Not NoCopy: a fresh volume takes the owner of the image's folder.
        ...(volume.isMade
          ? {}
          : { VolumeOptions: { NoCopy: false, Labels: labels, DriverConfig: { Name: 'local', Options: {} } } }),
      },
    ],
  };
}
