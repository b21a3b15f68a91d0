import { readConfig } from '#base/config.ts';
import { createLogger } from '#base/logger.ts';
import { runService } from '#base/service.ts';
import { addressText } from '#proto/addresses.ts';
import { DIRECTORY_ENV } from '#proto/env.ts';
import { runCommand } from './commands.ts';
import { type DirectoryInit, startDirectory } from './directory.ts';
import { allocateYoung } from './memory.ts';
import { settingsOf } from './settings.ts';

if (process.argv.length > 2) process.exit(await runCommand(process.argv.slice(2)));

function stateOf({ dataDir, databaseUrl }: Pick<DirectoryInit, 'dataDir' | 'databaseUrl'>): string {
  if (databaseUrl !== undefined) return 'in PostgreSQL';
  return dataDir === undefined ? 'in memory' : 'on disk';
}

let logger = createLogger('directory', 'info');

allocateYoung();
await runService(
  () => logger,
  async () => {
    const config = readConfig(DIRECTORY_ENV);
    logger = createLogger('directory', config.LOG_LEVEL);
    const settings = await settingsOf(config);
    const directory = await startDirectory({ ...settings, logger });
    const scheme = settings.tls ? 'https' : 'http';
    const url = `${scheme}://${addressText({ ip: config.DIRECTORY_HOST, port: directory.port })}`;
    if (!settings.tls) logger.warn('without TLS: passwords, tokens and tickets cross the network as plain text');
    logger.info({ url, state: stateOf(settings) }, 'ready');
    return () => directory.close();
  },
);
