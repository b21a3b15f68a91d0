import { text } from 'node:stream/consumers';
import { readConfig } from '#base/config.ts';
import { DIRECTORY_ENV } from '#proto/env.ts';
import { PeerLabError, toPeerLabError } from '#proto/errors.ts';
import { hashPassword } from './passwords.ts';
import { passwordCostOf } from './settings.ts';

/** What the program does instead of serving, when it is started with words. Settings come from the environment as always. */
const COMMANDS: Record<string, (argument: string) => Promise<string>> = {
  /** `backup FILE`: also while a directory uses the folder. */
  async backup(target) {
    const { DIRECTORY_DATA_DIR, DIRECTORY_DATABASE_URL } = readConfig(DIRECTORY_ENV);
    if (DIRECTORY_DATABASE_URL !== undefined) {
      const expected = 'DIRECTORY_DATA_DIR; a database has programs of its own for that: pg_dump';
      throw new PeerLabError('bad-setting', { about: 'DIRECTORY_DATABASE_URL', expected });
    }
    if (DIRECTORY_DATA_DIR === undefined) {
      throw new PeerLabError('bad-setting', { about: 'DIRECTORY_DATA_DIR', expected: 'the folder to back up' });
    }
    const { backUp } = await import('./storage/sqlite-store.ts');
    await backUp(DIRECTORY_DATA_DIR, target);
    return `backup written to ${target}`;
  },

  /** `account USER`, the password on standard input: a line for DIRECTORY_ACCOUNTS_FILE. */
  async account(user) {
    if (!/^[\w.@-]{1,64}$/.test(user)) {
      throw new PeerLabError('bad-setting', { about: 'user', expected: 'up to 64 letters, digits and . _ @ -' });
    }
    const password = (await text(process.stdin)).replace(/\r?\n$/, '');
    if (password === '' || password.length > 1024) {
      throw new PeerLabError('bad-setting', { about: 'password', expected: '1 to 1024 characters on standard input' });
    }
    return `${user}:${await hashPassword(password, passwordCostOf(readConfig(DIRECTORY_ENV)))}`;
  },
};

/** @returns the exit code: 0 when it was done, 64 for wrong usage, 1 for all else */
export async function runCommand([name = '', argument, ...more]: string[]): Promise<number> {
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!command || argument === undefined || more.length > 0) {
    process.stderr.write('usage: directory | directory backup FILE | directory account USER < password\n');
    return 64;
  }
  try {
    process.stdout.write(`${await command(argument)}\n`);
    return 0;
  } catch (thrown) {
    const error = toPeerLabError(thrown);
    process.stderr.write(`${error.message}\n${error.hint}\n`);
    return error.kind.exit ?? 1;
  }
}
