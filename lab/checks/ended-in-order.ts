import { counted } from '#proto/units.ts';
import type { FaultRecord, IndexLook, RunFacts } from '../history/events.ts';
import type { Check } from './check.ts';
import { judgeEnds } from './ends.ts';

/** So long after the scenario asked for an end, an instance that stood still until then may not have had its chance. */
const GRIP_SECONDS = 2;

type Kill = NonNullable<RunFacts['kills']>[number];

export const endedInOrder: Check = {
  name: 'ended in order',
  question: 'Did every instance that was asked to end do so by itself, in time, and every peer log out first?',
  judge({ facts, faults, looks }) {
    const kills = (facts.kills ?? []).filter((kill) => !stoodStill(kill, faults));
    const ends = kills.map((kill) => ({ cpuPressure: kill.cpuPressure, told: told(kill, facts) }));
    const stayed = looks.flatMap((look) =>
      whoStayed(look, facts).map((told) => ({ told, cpuPressure: look.cpuPressure })),
    );
    const seen = looks
      .filter(({ peers, online }) => peers ?? (online && tells(online)))
      .flatMap(({ ended = [] }) => ended).length;
    const logouts = seen > 0 ? `; the directory forgot ${counted(seen, 'peer')} that ended while logged in` : '';
    return judgeEnds([...ends, ...stayed], `the lab had to kill nothing${logouts}`);
  },
};

function told({ instance, graceSeconds }: Kill, facts: RunFacts): string {
  return `${named(instance, facts)} did not end within ${graceSeconds} s of SIGTERM, and the lab killed it: its last words are in logs/${instance}.log`;
}

/** Where others are still online, one may come while another goes: only of the last one the count tells. */
function tells({ before }: NonNullable<IndexLook['online']>): boolean {
  return before === 1;
}

/** Peers that ended in order, and that the directory still knew after that. What else was wrong with an end is told elsewhere. */
function whoStayed({ start, through, ended = [], peers = [], online }: IndexLook, facts: RunFacts): string[] {
  const named = new Set(peers);
  const isListed = (address = '') => named.has(address) || (online !== undefined && tells(online) && online.after > 0);
  const badly = new Set([...(facts.kills ?? []), ...(facts.badEnds ?? [])].map(({ instance }) => instance));
  const how =
    through === undefined
      ? 'the directory still counted one peer'
      : `the index still named it (asked through ${through})`;
  return facts.peers
    .filter(({ name, address }) => ended.includes(name) && !badly.has(name) && isListed(address))
    .map(
      ({ name }) =>
        `${name} ended after SIGTERM, and at ${start.toFixed(2)} s ${how}: it did not log out, or was not heard`,
    );
}

/** A fault had frozen it until it was asked to end. */
function stoodStill({ instance, at, graceSeconds }: Kill, faults: readonly FaultRecord[]): boolean {
  const askedAt = at - graceSeconds;
  return faults.some(
    ({ kind, who, from, until, overtakenAt = Number.POSITIVE_INFINITY }) =>
      kind === 'freeze' &&
      who === instance &&
      until === undefined &&
      from <= at &&
      overtakenAt + GRIP_SECONDS >= askedAt,
  );
}

/** Of a host, its peers too. */
function named(instance: string, { peers }: RunFacts): string {
  const hosted = peers.filter(({ host }) => host === instance).map(({ name }) => name);
  if (hosted.length === 0) return instance;
  return `${instance} (${hosted.slice(0, 3).join(', ')}${hosted.length > 3 ? ` and ${hosted.length - 3} more peers` : ''})`;
}
