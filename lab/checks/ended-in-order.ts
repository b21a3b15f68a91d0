import type { FaultRecord, RunFacts } from '../history/events.ts';
import type { Check } from './check.ts';
import { judgeEnds } from './ends.ts';

/** So long after the scenario asked for an end, an instance that stood still until then may not have had its chance. */
const GRIP_SECONDS = 2;

type Kill = NonNullable<RunFacts['kills']>[number];

export const endedInOrder: Check = {
  name: 'ended in order',
  question: 'Did every instance that was asked to end do so by itself, in time?',
  judge({ facts, faults }) {
    const kills = (facts.kills ?? []).filter((kill) => !stoodStill(kill, faults));
    const ends = kills.map((kill) => ({ cpuPressure: kill.cpuPressure, told: told(kill, facts) }));
    return judgeEnds(ends, 'the lab had to kill nothing');
  },
};

function told({ instance, graceSeconds }: Kill, facts: RunFacts): string {
  return `${named(instance, facts)} did not end within ${graceSeconds} s of SIGTERM, and the lab killed it: its last words are in logs/${instance}.log`;
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
