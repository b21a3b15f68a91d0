import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PeerLabError } from '#proto/errors.ts';
import type { Double } from '../../doubles/names.ts';
import { ROOT } from '../artifacts.ts';

/** What a pod runs: an image, and the command in it. The keeper starts it, so an image's own entry point does not count. */
export interface PodProgram {
  readonly image: string;
  readonly command: readonly string[];
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
export function ownImage(kind: 'directory' | 'peer' | 'lab', env: NodeJS.ProcessEnv = process.env): string {
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
 * A program of the user's: an image, and behind it the command, split at spaces. A cluster tells nobody what the entry point of an image is.
 * @throws PeerLabError `not-capable`
 */
export function usersProgram(asked: string): PodProgram {
  const [image = '', ...command] = asked.trim().split(/\s+/);
  const lack = usersProgramLack(asked);
  if (lack) throw new PeerLabError('not-capable', { about: asked, got: `${lack.why}; ${lack.help}` });
  return { image, command };
}

export function usersProgramLack(asked: string): { readonly why: string; readonly help: string } | undefined {
  const [image = '', ...command] = asked.trim().split(/\s+/);
  if (!IMAGE.test(image))
    return { why: `no image can have the name ${image}`, help: 'give one such as example/peer:1' };
  if (command.length > 0) return undefined;
  return {
    why: 'a cluster does not tell what command an image has, and its keeper must know',
    help: `write it behind the image, such as "${image} node /srv/peer.js"`,
  };
}
