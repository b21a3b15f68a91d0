import { tmpdir } from 'node:os';
import { findPostgres, whyOutOfReach } from '../../machine/postgres.ts';
import { type Capabilities, type Lack, NO_MACHINES, OF_ITS_OWN } from '../capabilities.ts';
import { hostedLack } from '../hosted-peer.ts';
import { programOf, wordsOf } from './command.ts';

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
    'machine-faults': () => NO_MACHINES,
    'drained-nodes': () => NO_MACHINES,
    'while-hosted': hostedLack,
    ...OF_ITS_OWN,
    replicas: replicasLack,
  };
}

const noLimits: Lack = {
  why: 'the process driver can not limit processes',
  help: 'a Docker engine can, once one is started: --driver docker',
};

/** They share a database, and its server must be there. */
function replicasLack(): Lack | undefined {
  const found = findPostgres();
  if (typeof found !== 'string') {
    const why = whyOutOfReach(tmpdir(), found);
    return why === undefined
      ? undefined
      : { why, help: 'take a folder that everybody may enter (chmod 711), by TMPDIR' };
  }
  return { why: found, help: 'install one (apt-get install postgresql); it need not run, the driver starts its own' };
}

/** The program of a command must be there. */
function commandLack(command: string): Lack | undefined {
  if (programOf(command) !== undefined) return undefined;
  return {
    why: `for the process driver this is a command, and there is no program "${wordsOf(command)[0]}"`,
    help: 'give the path of a program, or take --driver docker if it is the name of an image',
  };
}
