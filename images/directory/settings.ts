import { readFile } from 'node:fs/promises';
import type { Config } from '#base/config.ts';
import type { Tls } from '#base/http-service.ts';
import type { DIRECTORY_ENV } from '#proto/env.ts';
import { PeerLabError } from '#proto/errors.ts';
import type { DirectoryInit } from './directory.ts';
import { isCostAllowed, isPasswordHash, LOWEST_COST, type PasswordCost } from './passwords.ts';

/** The settings in the directory's own terms; files that they name are read here. @throws PeerLabError `bad-setting` */
export async function settingsOf(config: Config<typeof DIRECTORY_ENV>): Promise<Omit<DirectoryInit, 'logger'>> {
  return {
    host: config.DIRECTORY_HOST,
    port: config.DIRECTORY_PORT,
    leaseMs: config.DIRECTORY_LEASE,
    tokenMs: config.DIRECTORY_TOKEN_LIFETIME,
    ...placeOf(config),
    maxBodyBytes: config.DIRECTORY_MAX_BODY,
    maxFiles: config.DIRECTORY_MAX_FILES,
    maxAccounts: config.DIRECTORY_MAX_ACCOUNTS,
    limits: {
      peers: config.DIRECTORY_MAX_PEERS,
      peersPerUser: config.DIRECTORY_MAX_PEERS_PER_USER,
      files: config.DIRECTORY_MAX_TOTAL_FILES,
    },
    trusted: config.DIRECTORY_TRUSTED_NETWORKS,
    passwordCost: passwordCostOf(config),
    openAccounts: config.DIRECTORY_OPEN_ACCOUNTS,
    accounts: await accountsIn(config.DIRECTORY_ACCOUNTS_FILE),
    tls: await tlsOf(config.DIRECTORY_TLS_CERT, config.DIRECTORY_TLS_KEY),
    sdP2p: config.DIRECTORY_SD_P2P ? { lifetimeMs: config.DIRECTORY_SD_P2P_LIFETIME } : undefined,
  };
}

function placeOf(config: Config<typeof DIRECTORY_ENV>): Pick<DirectoryInit, 'dataDir' | 'databaseUrl'> {
  const { DIRECTORY_DATA_DIR: dataDir, DIRECTORY_DATABASE_URL: databaseUrl } = config;
  if (dataDir === undefined || databaseUrl === undefined) return { dataDir, databaseUrl };
  throw new PeerLabError('bad-setting', { expected: 'DIRECTORY_DATA_DIR or DIRECTORY_DATABASE_URL, and not both' });
}

export function passwordCostOf(config: Config<typeof DIRECTORY_ENV>): PasswordCost {
  const cost = {
    memoryKiB: Math.floor(config.DIRECTORY_PASSWORD_MEMORY / 1024),
    passes: config.DIRECTORY_PASSWORD_PASSES,
    parallelism: config.DIRECTORY_PASSWORD_LANES,
  };
  if (isCostAllowed(cost)) return cost;
  const { memoryKiB, passes, parallelism } = LOWEST_COST;
  throw new PeerLabError('bad-setting', {
    about: 'DIRECTORY_PASSWORD_…',
    expected: `at least ${memoryKiB} KiB, ${passes} passes, ${parallelism} lane; at most 1 GiB, 64, 16`,
    got: `${cost.memoryKiB} KiB, ${cost.passes}, ${cost.parallelism}`,
  });
}

/** @throws PeerLabError `bad-setting`, naming the first line that is none; never its content */
async function accountsIn(file: string | undefined): Promise<Map<string, string>> {
  const accounts = new Map<string, string>();
  if (file === undefined) return accounts;
  const lines = (await readSetting('DIRECTORY_ACCOUNTS_FILE', file)).toString().split('\n');
  for (const [at, line] of lines.entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const [, user, hash] = /^([\w.@-]{1,64}):(\S+)\s*$/.exec(line) ?? [];
    if (user === undefined || hash === undefined || !isPasswordHash(hash) || accounts.has(user)) {
      throw new PeerLabError('bad-setting', {
        about: `DIRECTORY_ACCOUNTS_FILE, line ${at + 1}`,
        expected: 'user:hash as the command "account" prints it, each user once',
      });
    }
    accounts.set(user, hash);
  }
  return accounts;
}

async function tlsOf(cert: string | undefined, key: string | undefined): Promise<Tls | undefined> {
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined || key === undefined) {
    throw new PeerLabError('bad-setting', { about: 'DIRECTORY_TLS_…', expected: 'certificate and key, or neither' });
  }
  return {
    cert: await readSetting('DIRECTORY_TLS_CERT', cert),
    key: await readSetting('DIRECTORY_TLS_KEY', key),
  };
}

function readSetting(name: string, file: string): Promise<Buffer> {
  return readFile(file).catch((error) => {
    throw new PeerLabError('bad-setting', { about: name, expected: 'a file that can be read', got: error.code });
  });
}
