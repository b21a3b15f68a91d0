import { type Check, noneWrong } from './check.ts';
import { receiverOf } from './history.ts';

/** A full disk of the machine says nothing of the peers on it. */
export const disksHadRoom: Check = {
  name: 'disks had room',
  question: 'Did every disk have room, except those that the scenario made small?',
  decides: true,
  look: 'events.ndjson',
  judge({ events, facts, faults }) {
    const small = new Set([
      ...facts.peers.filter(({ diskBytes }) => diskBytes !== undefined).map(({ name }) => name),
      ...faults.filter(({ kind }) => kind === 'fill').map(({ who }) => who),
    ]);
    const full = events.flatMap((event) => {
      const receiver = receiverOf(event);
      if (event.error?.code !== 'disk-full' || small.has(receiver)) return [];
      return [`${receiver} had no room for ${event.file ?? 'a file'}, and shares the machine's disk`];
    });
    const judged = noneWrong(full, 'no disk of the machine was full');
    return { ...judged, verdict: full.length === 0 ? 'pass' : 'inconclusive' };
  },
};
