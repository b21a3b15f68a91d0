import type { SpecOf } from '../history/events.ts';
import type { Fault, Look, Subject } from './fault.ts';
import { lookUntil, networkOf } from './surroundings.ts';

/** A probe moves what the limit lets pass in so long; without a limit it takes a fraction of it. */
const PROBE_SECONDS = 0.8;
/** Faster than the limit by this factor: otherwise it would limit nothing. */
const FREE_FACTOR = 1.5;
/** What the measured rate may be of the limit: less on a busy machine, hardly ever more. */
const LEAST = 0.7;
const MOST = 1.1;
/** Packets leave in pieces of up to this many bytes: the first may come before its time. */
const PIECE_BYTES = 64 * 1024;
const ATTEMPTS_MS = 3000;

const DIRECTIONS = [
  ['up', 'upBytesPerSecond'],
  ['down', 'downBytesPerSecond'],
] as const;

/** What the instance sends, or receives, is held to a rate: in sum over all its connections. */
export const limit: Fault<'limit'> = {
  hits: 'surroundings',
  ends: false,
  apply: ({ upBytesPerSecond, downBytesPerSecond }, { instance }) =>
    networkOf(instance).impose({ upBytesPerSecond, downBytesPerSecond }),
  async lift(_, { instance }) {
    await networkOf(instance).impose({ upBytesPerSecond: undefined, downBytesPerSecond: undefined });
    return instance;
  },
  look(spec, subject, when, withinMs) {
    const isLimited = when === 'during';
    return lookUntil(() => look(spec, subject, isLimited), isLimited ? ATTEMPTS_MS : withinMs);
  },
};

async function look(spec: SpecOf<'limit'>, { instance }: Subject, isLimited: boolean): Promise<Look> {
  const looks: Look[] = [];
  for (const [direction, key] of DIRECTIONS) {
    const limited = spec[key];
    if (limited === undefined) continue;
    const bytes = Math.max(4 * PIECE_BYTES, Math.round(limited * PROBE_SECONDS));
    const withinMs = (4000 * bytes) / limited;
    const { bytesPerSecond } = await networkOf(instance).measureRate(direction, bytes, withinMs);
    const most = limited * (MOST + PIECE_BYTES / bytes);
    looks.push({
      wanted: isLimited ? `${rate(limited)} ${direction}` : `more than ${rate(limited * FREE_FACTOR)} ${direction}`,
      seen: `${rate(bytesPerSecond)} ${direction}`,
      ok: isLimited
        ? bytesPerSecond >= limited * LEAST && bytesPerSecond <= most
        : bytesPerSecond > limited * FREE_FACTOR,
      figures: { [key]: Math.round(bytesPerSecond) },
    });
  }
  return {
    wanted: looks.map(({ wanted }) => wanted).join(', '),
    seen: looks.map(({ seen }) => seen).join(', '),
    ok: looks.every(({ ok }) => ok),
    figures: Object.assign({}, ...looks.map(({ figures }) => figures)),
  };
}

function rate(bytesPerSecond: number): string {
  return `${(bytesPerSecond / 1e6).toPrecision(3)} MB/s`;
}
