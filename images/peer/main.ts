import { readConfig } from '#base/config.ts';
import { createLogger } from '#base/logger.ts';
import { runService } from '#base/service.ts';
import { PEER_ENV } from '#proto/env.ts';
import { startPeer } from './peer.ts';

let logger = createLogger('peer', 'info');

await runService(
  () => logger,
  async () => {
    const config = readConfig(PEER_ENV);
    logger = createLogger('peer', config.LOG_LEVEL);
    const peer = await startPeer(config, logger);
    void peer.scanned.then(() => {
      const { user, system } = process.cpuUsage();
      const cpuSeconds = (user + system) / 1e6;
      logger.info({ grpc: peer.address, control: peer.controlPort, cpuSeconds }, 'ready');
    });
    return () => peer.stop();
  },
);
