import { type Check, noneWrong } from './check.ts';
import { isTransfer, receiverOf } from './history.ts';
import { isLock, UNFINISHED } from './integrity.ts';

export const nothingUnfinished: Check = {
  name: 'nothing unfinished',
  question: 'Has every transfer that ended well taken its temporary file with it?',
  judge({ events, faults, stored }) {
    // What is left of a failed transfer may be there to be resumed, or for a moment until the peer has noticed. Who was killed, or
    // stood still at the end, had no chance to clear up.
    const excused = new Set([
      ...events
        .filter((event) => isTransfer(event) && event.outcome === 'failed')
        .flatMap((event) => [event.peer, receiverOf(event)]),
      ...faults.filter(({ kind, until }) => kind === 'kill' || until === undefined).map(({ who }) => who),
    ]);
    const left = stored.filter((one) => one.name.startsWith(UNFINISHED) && !isLock(one) && !excused.has(one.peer));
    return noneWrong(
      left.map(({ peer, name }) => `${peer}: "${name}" is left of a transfer, although no transfer failed there`),
      'no temporary file was left in a share',
    );
  },
};
