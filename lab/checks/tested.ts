import type { RunFacts, TestedProgram } from '../history/events.ts';
import type { Result } from './result-schema.ts';

type Peers = readonly Pick<RunFacts['peers'][number], 'group' | 'program'>[];

/** Which programs were tested, and whom each played: one that nobody ran is left out, and so are the lab's own doubles. */
export function testedIn(peers: Peers, programs: readonly TestedProgram[]): Result['tested'] {
  return programs.flatMap(({ asked, role, ...program }, index) => {
    const one = { role, ...program, isOwn: asked === undefined };
    if (role === 'directory') return [one];
    // The first is that of all peers without one of their own.
    const isCommon = programs.findIndex((other) => other.role === 'peer') === index;
    const players = peers.filter((peer) => peer.program === (isCommon ? undefined : asked));
    return players.length === 0 ? [] : [{ ...one, groups: [...new Set(players.map(({ group }) => group))] }];
  });
}
