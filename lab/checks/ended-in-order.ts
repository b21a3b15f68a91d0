import type { FaultRecord, RunFacts } from '../history/events.ts';
import { type Check, noneWrong } from './check.ts';

/** So long after the scenario asked for an end, an instance that stood still until then may not have had its chance. */
const GRIP_SECONDS = 2;

/** From this share of the time on, somebody always waits for a processor: an end may take longer than its grace. */
const SATURATED = 0.8;

type Kill = NonNullable<RunFacts['kills']>[number];

export const endedInOrder: Check = {
  name: 'ended in order',
  question: 'Did every instance that was asked to end do so by itself, in time, with exit code 0?',
  judge({ facts, faults }) {
    const kills = (facts.kills ?? []).filter((kill) => !stoodStill(kill, faults));
    const starved = kills.filter(hadNoTime);
    const judged = noneWrong(
      [...kills.filter((kill) => !hadNoTime(kill)).map((kill) => told(kill, facts)), ...badEnds(facts, faults)],
      'the lab had to kill nothing, and every exit code was 0',
    );
    const [first] = starved;
    if (judged.verdict === 'fail' || !first) return judged;
    const share = Math.round((first.cpuPressure ?? 0) * 100);
    return {
      verdict: 'inconclusive',
      reason: `the machine is saturated (programs waited for a processor in ${share} % of the time): ${told(first, facts)}`,
      details: starved.map((kill) => told(kill, facts)),
    };
  },
};

/** A machine that is too busy is not the fault of who ran on it. */
function hadNoTime({ cpuPressure = 0 }: Kill): boolean {
  return cpuPressure >= SATURATED;
}

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

/** Ends with another exit code than 0 that nobody but the program brought about; of a host once. */
function badEnds({ badEnds = [], kills = [], peers }: RunFacts, faults: readonly FaultRecord[]): string[] {
  const programOf = new Map(peers.map(({ name, host }) => [name, host ?? name]));
  const killed = new Set(kills.map(({ instance }) => instance));
  const frozen = new Set(
    faults.filter(({ kind, until }) => kind === 'freeze' && until === undefined).map(({ who }) => who),
  );
  const told = new Map<string, string>();
  for (const { instance, how } of badEnds) {
    const program = programOf.get(instance) ?? instance;
    if (killed.has(program) || killed.has(instance) || frozen.has(instance) || told.has(program)) continue;
    told.set(
      program,
      `${instance} was asked to end (SIGTERM) and did not exit with code 0: ${how}; see logs/${program}.log`,
    );
  }
  return [...told.values()];
}

/** Of a host, its peers too. */
function named(instance: string, { peers }: RunFacts): string {
  const hosted = peers.filter(({ host }) => host === instance).map(({ name }) => name);
  if (hosted.length === 0) return instance;
  return `${instance} (${hosted.slice(0, 3).join(', ')}${hosted.length > 3 ? ` and ${hosted.length - 3} more peers` : ''})`;
}
