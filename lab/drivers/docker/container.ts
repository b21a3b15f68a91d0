import type Docker from 'dockerode';
import type { Container } from 'dockerode';
import { type BoundPorts, GenericContainer, Wait, type WaitStrategy } from 'testcontainers';

/** What one instance may use, when nothing else is asked for. */
const MEMORY_BYTES = 512 * 1024 * 1024;
const MAX_PIDS = 256;
const TMP_BYTES = 64 * 1024 * 1024;
const LOG_LIMITS = { 'max-size': '64m', 'max-file': '2' };
/** Between two questions at the health endpoint, and how long each may take. */
const POLL_MS = 250;
const SLICE_MS = 1000;

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
  /** In place of what the image says. */
  readonly command?: readonly string[];
  readonly network: string;
  readonly address: string;
  /** The port that answers `/healthz`; it is published on 127.0.0.1. */
  readonly httpPort: number;
  /** The one folder that outlives the container's process, and where it is mounted; `isMade`: it is there, with options of its own. */
  readonly volume: { readonly name: string; readonly target: string; readonly isMade: boolean };
  readonly readyTimeoutMs: number;
  /** Called once the container exists and before it starts; when it throws, the container is never started. */
  readonly created: (id: string) => Promise<void>;
}

/** What testcontainers leaves to subclasses: limits, address, volume, and where ports are published. */
export class InstanceContainer extends GenericContainer {
  readonly #created: ContainerInit['created'];

  constructor(init: ContainerInit) {
    super(init.image.name);
    this.#created = init.created;
    this.withName(init.containerName)
      .withHostname(init.hostname)
      .withLabels(init.labels)
      .withEnvironment(init.env)
      .withNetworkMode(init.network)
      .withExposedPorts(init.httpPort)
      .withDroppedCapabilities('ALL')
      .withSecurityOpt('no-new-privileges')
      // The run's own sweep removes it; testcontainers' would need a container with the engine's socket.
      .withAutoCleanup(false);
    if (init.command) this.withCommand([...init.command]);
    this.createOpts.Image = init.image.id;
    this.createOpts.NetworkingConfig = {
      EndpointsConfig: {
        [init.network]: { IPAMConfig: { IPv4Address: init.address }, Aliases: [init.hostname] },
      },
    };
    Object.assign(this.hostConfig, hostConfigOf(init));
  }

  protected override async containerCreated(id: string): Promise<void> {
    await this.#created(id);
  }
}

function hostConfigOf({ httpPort, labels, volume, limits }: ContainerInit): Docker.HostConfig {
  const memoryBytes = limits.memoryBytes ?? MEMORY_BYTES;
  return {
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

/**
 * Waits for `/healthz`, and keeps a failure instead of throwing it: testcontainers would remove the container at once,
 * and its log with it.
 */
export class HealthWait implements WaitStrategy {
  failed = false;
  readonly #httpPort: number;
  readonly #timeoutMs: number;
  readonly #over: AbortSignal;

  /** @param over ends the wait within a second: the run is over */
  constructor(httpPort: number, timeoutMs: number, over: AbortSignal) {
    this.#httpPort = httpPort;
    this.#timeoutMs = timeoutMs;
    this.#over = over;
  }

  async waitUntilReady(container: Container, ports: BoundPorts): Promise<void> {
    const giveUpAt = Date.now() + this.#timeoutMs;
    // In slices, as testcontainers' wait can't be ended from outside.
    while (!this.#over.aborted && Date.now() < giveUpAt) {
      const sliceMs = Math.min(SLICE_MS, giveUpAt - Date.now());
      const slice = Wait.forHttp('/healthz', this.#httpPort).withReadTimeout(POLL_MS).withStartupTimeout(sliceMs);
      const isHealthy = await slice.waitUntilReady(container, ports).then(
        () => true,
        () => false,
      );
      if (isHealthy) return;
    }
    this.failed = true;
  }

  withStartupTimeout(): this {
    return this;
  }

  isStartupTimeoutSet(): boolean {
    return true;
  }

  getStartupTimeout(): number {
    return this.#timeoutMs;
  }
}
