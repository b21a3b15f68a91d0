import { counted } from '#proto/units.ts';
import type { Capabilities, Lack } from '../capabilities.ts';
import type { Standing } from './survey.ts';

/** What can be done with peers that stand already, of which there is a number. */
export function standingCapabilities({ peers, next }: Standing): Capabilities {
  return {
    'memory-limit': () => limits,
    'cpu-limit': () => limits,
    'own-peer': () => programs,
    'network-faults': () => ({
      why: 'the networks of peers that stand already are not for the lab to disturb',
      help: ELSEWHERE,
    }),
    'disk-limit': () => ({ why: 'peers that stand already keep the disks that they have', help: ELSEWHERE }),
    'machine-faults': () => ({
      why: 'the pods of peers that stand already are not for the lab to remove',
      help: ELSEWHERE,
    }),
    'drained-nodes': () => ({ why: 'the nodes of peers that stand already carry others', help: ELSEWHERE }),
    'while-hosted': () => hosting,
    hosts: () => hosting,
    double: () => programs,
    'directory-settings': () => ({
      why: 'the directory stood before the run, and keeps its settings',
      help: `leave them out of the scenario, or ${ELSEWHERE}`,
    }),
    'directory-faults': () => ({
      why: 'the directory stood before the run, and others may use it',
      help: `leave it out of the scenario, or ${ELSEWHERE}`,
    }),
    replicas: () => ({ why: 'the directory stood before the run', help: ELSEWHERE }),
    peers: (wanted) =>
      wanted <= peers
        ? undefined
        : {
            why: `${counted(peers, 'peer')} ${peers === 1 ? 'stands' : 'stand'} here${next ? `, and ${next} does not answer` : ''}`,
            help: `let more peers stand (kubectl scale statefulset peers --replicas ${wanted}), or take --peers ${peers}`,
          },
  };
}

const ELSEWHERE = 'take a driver that starts what it runs: --driver docker or process';

const limits: Lack = { why: 'peers that stand already keep the limits that they have', help: ELSEWHERE };
const programs: Lack = { why: 'peers that stand already run the program that they have', help: ELSEWHERE };
const hosting: Lack = {
  why: 'of peers that stand already, each has a place of its own',
  help: 'one peer per instance (leave out peersPerInstance)',
};
