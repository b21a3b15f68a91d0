import { PeerLabError } from '#proto/errors.ts';
import type { Instance } from '../driver.ts';
import { standingCapabilities } from './capabilities.ts';

/** The directory as it stood before the run; nothing is done to it. */
export function standingDirectory(name: string, url: string): Instance {
  const lack = standingCapabilities({ peers: 0 })['directory-faults']('');
  const refuse = async () => {
    throw new PeerLabError('not-capable', { about: name, got: `${lack?.why}; ${lack?.help}` });
  };
  return {
    ...{ name, role: 'directory', url, address: url, stood: true },
    ended: new Promise(() => {}),
    async *storedFiles() {},
    usage: async () => undefined,
    stop: refuse,
    kill: refuse,
    pause: refuse,
    resume: refuse,
  };
}
