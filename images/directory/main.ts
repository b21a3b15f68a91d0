import { readConfig } from '#base/config.ts';
import { createLogger } from '#base/logger.ts';
import { runService } from '#base/service.ts';
import { addressText } from '#proto/directory-api.ts';
import { DIRECTORY_ENV } from '#proto/env.ts';
import { PeerLabError } from '#proto/errors.ts';
import { parseSizeBytes } from '#proto/units.ts';
import { startDirectory } from './directory.ts';

let logger = createLogger('directory', 'info');

await runService(
  () => logger,
  async () => {
    const config = readConfig(DIRECTORY_ENV);
    logger = createLogger('directory', config.LOG_LEVEL);
    const directory = await startDirectory({
      host: config.DIRECTORY_HOST,
      port: config.DIRECTORY_PORT,
      leaseMs: config.DIRECTORY_LEASE,
      maxBodyBytes: sizeSetting('DIRECTORY_MAX_BODY', config.DIRECTORY_MAX_BODY),
      logger,
    });
    const url = `http://${addressText({ ip: config.DIRECTORY_HOST, port: directory.port })}`;
    logger.info({ url }, 'ready');
    return () => directory.close();
  },
);

function sizeSetting(name: string, text: string): number {
  const sizeBytes = parseSizeBytes(text);
  if (!sizeBytes) throw new PeerLabError('bad-setting', { about: name, expected: 'a size such as 32MiB', got: text });
  return sizeBytes;
}
