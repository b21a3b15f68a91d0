/**
 * THE FLUID BOUND of a crowd (Kumar and Ross, 2006): no way to share is faster, whatever peers give to whom, as if bytes were a fluid.
 * Here peers may come one after the other. Times are in seconds since the first of them began.
 */

/** One that takes part: what it has to get, and what its links can do. */
export interface Participant {
  /** When it comes; before that it gives nothing. */
  readonly at: number;
  /** Bytes that it has to get; 0 of a seeder. */
  readonly needs: number;
  readonly up: number;
  /** Infinity where nothing limits it. */
  readonly down: number;
}

export interface Crowdful {
  readonly participants: readonly Participant[];
  /** Bytes of which only seeders have any copy when it begins, and what all seeders can send together. */
  readonly firstCopy: number;
  readonly seedersUp: number;
}

/** When the last of them can have everything, at best. */
export function fluidBound({ participants, firstCopy, seedersUp }: Crowdful): number {
  return Math.max(
    // Every byte must leave the seeders once.
    firstCopy === 0 ? 0 : firstCopy / seedersUp,
    ...ownTimes(participants),
    timeToSend(participants),
  );
}

/** When the last of them would have everything if only the seeders gave. */
export function withSeedersAlone({ participants, seedersUp }: Crowdful): number {
  const waiting = participants.filter(({ needs }) => needs > 0).sort((a, b) => a.at - b.at);
  let busyUntil = 0;
  for (const { at, needs } of waiting) busyUntil = Math.max(busyUntil, at) + needs / seedersUp;
  return Math.max(busyUntil, ...ownTimes(participants));
}

/** Each must receive what it needs through its own link. */
function ownTimes(participants: readonly Participant[]): number[] {
  return participants.filter(({ needs }) => needs > 0).map(({ at, needs, down }) => at + needs / down);
}

/** All that is needed must pass through the upload links of those who are there. */
function timeToSend(participants: readonly Participant[]): number {
  let left = participants.reduce((sum, { needs }) => sum + needs, 0);
  let [now, rate] = [0, 0];
  for (const { at, up } of [...participants].sort((a, b) => a.at - b.at)) {
    const sent = rate * Math.max(0, at - now);
    if (sent >= left && rate > 0) break;
    left -= sent;
    now = Math.max(now, at);
    rate += up;
  }
  return left === 0 ? 0 : now + left / rate;
}
