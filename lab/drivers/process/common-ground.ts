import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PeerLabError, reasonOf } from '#proto/errors.ts';
import { findPostgres, PostgresServer } from '../../machine/postgres.ts';
import { ROOT } from '../artifacts.ts';

/** WHAT REPLICAS OF THE DIRECTORY SHARE: a database, and one address in front of all. */

/** Below the run's folder. */
const DATABASE = 'database';

export interface DatabaseInit {
  /** Of the run. */
  readonly folder: string;
  readonly logsDir: string;
  /** What marks its processes as the run's. */
  readonly env: Readonly<Record<string, string>>;
}

/** @throws PeerLabError `not-capable`, `instance-exited` */
export async function startDatabase({ folder, logsDir, env }: DatabaseInit): Promise<PostgresServer> {
  const programs = findPostgres();
  if (typeof programs === 'string') throw new PeerLabError('not-capable', { about: 'replicas', got: programs });
  const init = { programs, folder: join(folder, DATABASE), logFile: join(logsDir, `${DATABASE}.log`), env };
  return PostgresServer.create(init).catch((error) => {
    throw new PeerLabError('instance-exited', { about: DATABASE, got: reasonOf(error), cause: error });
  });
}

/** Where the server of a run wrote its process id, and is to be ended by it. */
export function databaseFolderOf(runFolder: string): string {
  return join(runFolder, DATABASE);
}

/** Of the program in front (front.ts). */
export interface FrontInit {
  readonly host: string;
  readonly port: number;
  readonly healthPort: number;
  /** A file that `nameBackends` writes. */
  readonly backends: string;
}

export const FRONT = 'directory-front';

export function frontCommand(): string[] {
  return [process.execPath, join(ROOT, 'lab', 'drivers', 'process', 'front.ts')];
}

export function frontEnv({ host, port, healthPort, backends }: FrontInit): Record<string, string> {
  return {
    PEERLAB_FRONT_HOST: host,
    PEERLAB_FRONT_PORT: String(port),
    PEERLAB_FRONT_HEALTH_PORT: String(healthPort),
    PEERLAB_FRONT_BACKENDS: backends,
  };
}

/** Tells the front to whom it may send. */
export async function nameBackends(file: string, urls: readonly string[]): Promise<void> {
  await writeFile(`${file}.new`, urls.join('\n'));
  await rename(`${file}.new`, file);
}
