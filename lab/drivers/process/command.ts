import { createHash } from 'node:crypto';
import { accessSync, constants, createReadStream, statSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { PeerLabError } from '#proto/errors.ts';
import type { Program } from '../program.ts';

/** A command of the user's: split at spaces, no shell. */

export function wordsOf(command: string): string[] {
  return command.trim().split(/\s+/);
}

/** Where the program of a command is: by its path, or by PATH. Undefined when it is nowhere, or can't be run. */
export function programOf(command: string): string | undefined {
  const [program = ''] = wordsOf(command);
  if (program === '') return undefined;
  const places = program.includes('/')
    ? [resolve(program)]
    : (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, program));
  return places.find(isProgram);
}

/** @throws PeerLabError `no-program` */
export async function findCommand(command: string): Promise<Program> {
  const program = programOf(command);
  if (program === undefined)
    throw new PeerLabError('no-program', { about: command, got: `there is no program "${wordsOf(command)[0]}"` });
  const named = [
    program,
    ...wordsOf(command)
      .slice(1)
      .map((word) => resolve(word))
      .filter(isFile),
  ];
  const files = await Promise.all(named.map(async (path) => ({ path, sha256: await sha256Of(path) })));
  return { name: command.trim(), files };
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return isFile(path);
  } catch {
    return false;
  }
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}
