import { type Config, readConfig } from '#base/config.ts';
import { createLogger } from '#base/logger.ts';
import { runService } from '#base/service.ts';
import { HOST_ENV, PEER_ENV } from '#proto/env.ts';
import { markInOneGo } from './memory.ts';
import { startPeer } from './peer.ts';

let logger = createLogger('peer', 'info');

async function runPeer(): Promise<() => Promise<void>> {
  const config = readConfig(PEER_ENV);
  logger = createLogger('peer', config.LOG_LEVEL);
  const peer = await startPeer(config, logger);
  void peer.scanned.then(() => {
    logger.info({ grpc: peer.address, control: peer.controlPort, cpuSeconds: cpuSeconds() }, 'ready');
  });
  return () => peer.stop();
}

async function runHost(): Promise<() => Promise<void>> {
  const config: Config<typeof HOST_ENV> = readConfig(HOST_ENV);
  logger = createLogger('peer', config.LOG_LEVEL);
  // Not imported by a process with one peer: services must start fast.
  const { startHost } = await import('./host.ts');
  const host = await startHost(config, logger);
  logger.info({ peers: host.peers, control: host.controlPort, cpuSeconds: cpuSeconds() }, 'ready');
  return () => host.stop();
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

markInOneGo();
await runService(() => logger, process.env.PEER_HOSTED ? runHost : runPeer);
