import { cpSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { EXIT, PeerLabError, reasonOf } from '#proto/errors.ts';
import { printable } from '#proto/printable.ts';

/** `lab new-peer`: lays down a peer that answers, and nothing more, for whoever goes on (docs/course). */

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const STARTERS = path.join(ROOT, 'examples/starters');
/** The folders there. */
export const LANGUAGES = ['go', 'java', 'python', 'typescript'];

export function defineNewPeer(command: Command, exit: (code: number) => void): void {
  command
    .description('lay down the beginning of a peer of your own, in one of these languages (docs/course)')
    .argument('<language>', LANGUAGES.join(', '))
    .argument('<folder>', 'where; it must not be there yet, or be empty')
    .action((language: string, folder: string) => {
      newPeer(language, folder);
      process.stdout.write(
        `${printable(folder)}: a peer that answers, and nothing more yet. Begin with its README.md.\n`,
      );
      exit(EXIT.pass);
    });
}

/** @throws PeerLabError `usage`: no such language, no starters here (the image has none), or the folder is not free */
export function newPeer(language: string, folder: string): void {
  if (!LANGUAGES.includes(language))
    throw new PeerLabError('usage', { expected: `one of ${LANGUAGES.join(', ')}`, got: `"${language}"` });
  if (!existsSync(STARTERS))
    throw new PeerLabError('usage', { expected: 'a checkout of PeerLab', got: 'an installation without examples/' });
  try {
    mkdirSync(folder, { recursive: true });
    const [there] = readdirSync(folder);
    if (there !== undefined) throw new Error(`it has "${there}" in it`);
    cpSync(path.join(STARTERS, language), folder, { recursive: true });
    cpSync(path.join(ROOT, 'proto/peer.proto'), path.join(folder, 'peer.proto'));
  } catch (error) {
    throw new PeerLabError('usage', { about: folder, expected: 'a folder that is new or empty', got: reasonOf(error) });
  }
}
