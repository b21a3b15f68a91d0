import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PeerLabError } from '#proto/errors.ts';
import type { Double } from '../../doubles/names.ts';
import { ROOT } from '../artifacts.ts';

/** What a pod runs: an image, and the command in it, which its keeper starts. Without a command: the image's own, which is to be found out. */
export interface PodProgram {
  readonly image: string;
  readonly command?: readonly string[];
  /** Of the user, who need not have Node in it. */
  readonly isUsers?: boolean;
}

/** As the images have them (images/*\/Dockerfile). */
const COMMANDS = {
  directory: ['node', '--max-semi-space-size=4', '/app/images/directory/main.js'],
  peer: ['node', '--max-semi-space-size=1', '/app/images/peer/main.js'],
} as const;

const IMAGE = /^[a-z0-9]+([._/:@-]+[A-Za-z0-9_]+)*$/;

export function version(): string {
  return JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).version;
}

/** The name of an image of PeerLab, in the registry that PEERLAB_KUBERNETES_REGISTRY names, or loaded into the nodes. */
export function ownImage(kind: 'directory' | 'peer' | 'lab' | 'faults', env: NodeJS.ProcessEnv = process.env): string {
  const registry = env.PEERLAB_KUBERNETES_REGISTRY?.replace(/\/+$/, '');
  return `${registry ? `${registry}/` : ''}peerlab/${kind}:${version()}`;
}

export function ownProgram(role: 'directory' | 'peer'): PodProgram {
  return { image: ownImage(role), command: COMMANDS[role] };
}

export function doubleProgram(double: Double): PodProgram {
  return { image: ownImage('lab'), command: ['node', `/app/lab/doubles/${double}.ts`] };
}

/**
 * A program of the user's: an image, and behind it perhaps a command, split at spaces.
 * @throws PeerLabError `not-capable`
 */
export function usersProgram(asked: string): PodProgram {
  const [image = '', ...command] = asked.trim().split(/\s+/);
  const lack = usersProgramLack(asked);
  if (lack) throw new PeerLabError('not-capable', { about: asked, got: `${lack.why}; ${lack.help}` });
  return { image, isUsers: true, ...(command.length > 0 && { command }) };
}

export function usersProgramLack(asked: string): { readonly why: string; readonly help: string } | undefined {
  const [image = ''] = asked.trim().split(/\s+/);
  if (IMAGE.test(image)) return undefined;
  return { why: `no image can have the name ${image}`, help: 'give one such as example/peer:1' };
}
