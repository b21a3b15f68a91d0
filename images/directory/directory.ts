import { type HttpService, startHttpService } from '#base/http-service.ts';
import type { Logger } from '#base/logger.ts';
import { createMetrics, type Metrics } from '#base/metrics.ts';
import { Accounts } from './accounts.ts';
import { Registry } from './registry.ts';
import { directoryRoutes } from './routes.ts';

export interface DirectoryInit {
  host: string;
  /** 0 takes a free one. */
  port: number;
  leaseMs: number;
  maxBodyBytes: number;
  logger: Logger;
  /** A clock that never goes back, in milliseconds; default: the process's own. */
  now?: () => number;
}

/** Expired peers are never shown; this bounds how long they take up memory while nobody asks. */
const SWEEP_INTERVAL_MS = 1000;

/** Starts a directory. */
export async function startDirectory(init: DirectoryInit): Promise<HttpService> {
  const { host, port, leaseMs, maxBodyBytes, logger, now = () => performance.now() } = init;
  const metrics = createMetrics('directory');
  const registry = new Registry({
    leaseMs,
    now,
    onExpired: ({ peer, address }) => {
      metrics.counter('peerlab_directory_leases_expired_total').inc();
      logger.info({ user: peer.user, address }, 'lease ended');
    },
  });
  measureRegistry(metrics, registry);

  const service = await startHttpService(
    {
      logger,
      registry: metrics.registry,
      isReady: () => true,
      maxBodyBytes,
      observe: (endpoint, method, status, seconds) => {
        metrics.counter('peerlab_directory_requests_total').inc({ endpoint, method, status });
        metrics.histogram('peerlab_directory_request_seconds').observe({ endpoint }, seconds);
      },
      routes: directoryRoutes({ accounts: new Accounts(), registry }),
    },
    host,
    port,
  );
  const sweeper = setInterval(() => registry.sweep(), SWEEP_INTERVAL_MS);
  return {
    port: service.port,
    close: (graceMs) => {
      clearInterval(sweeper);
      return service.close(graceMs);
    },
  };
}

/** The gauges are read when they are asked for, so they are never behind the index. */
function measureRegistry(metrics: Metrics<'directory'>, registry: Registry): void {
  const peers = metrics.gauge('peerlab_directory_peers_online');
  const files = metrics.gauge('peerlab_directory_files_indexed');
  // The library's types offer `collect` to the constructor only; the object has it too.
  Object.assign(peers, { collect: () => peers.set(registry.counts().peers) });
  Object.assign(files, { collect: () => files.set(registry.counts().files) });
}
