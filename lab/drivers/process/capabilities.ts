import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import type { Capabilities, Lack } from '../capabilities.ts';
import { hostedLack } from '../hosted-peer.ts';

/** What child processes can do without asking the system for special rights. */
export function processCapabilities(): Capabilities {
  return {
    'memory-limit': () => noLimits,
    'cpu-limit': () => noLimits,
    'own-peer': commandLack,
    'network-faults': () => ({
      why: 'peers of the process driver share the loopback of this machine, which can not be disturbed for one of them',
      help: 'containers have networks of their own, once a Docker engine is started: --driver docker',
    }),
    'disk-limit': () => ({
      why: 'shares of the process driver are folders on one disk of this machine',
      help: 'containers can have disks of their own, once a Docker engine is started: --driver docker',
    }),
    'while-hosted': hostedLack,
  };
}

const noLimits: Lack = {
  why: 'the process driver can not limit processes',
  help: 'a Docker engine can, once one is started: --driver docker',
};

/** The program of a command must be there; splitting is at spaces, as when it is started. */
function commandLack(command: string): Lack | undefined {
  const [program = ''] = wordsOf(command);
  const places = program.includes('/')
    ? [resolve(program)]
    : (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, program));
  if (program !== '' && places.some(isProgram)) return undefined;
  return {
    why: `for the process driver this is a command, and there is no program "${program}"`,
    help: 'give the path of a program, or take --driver docker if it is the name of an image',
  };
}

/** The words of a command: split at spaces, no shell. */
export function wordsOf(command: string): string[] {
  return command.trim().split(/\s+/);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
