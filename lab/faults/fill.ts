import type { Fault, Look, Subject } from './fault.ts';
import { diskOf, lookUntil } from './surroundings.ts';

/** What the peer gives back just then is taken again within milliseconds. */
const ATTEMPTS_MS = 2000;

/** The disk of the share is full, and stays so whatever the instance removes from it. */
export const fill: Fault<'fill'> = {
  hits: 'surroundings',
  ends: false,
  apply: (_, { instance }) => diskOf(instance).fill(),
  async lift(_, { instance }) {
    await diskOf(instance).release();
    return instance;
  },
  look: (_, subject, when, withinMs) =>
    lookUntil(() => look(subject, when === 'during'), when === 'during' ? ATTEMPTS_MS : withinMs),
};

async function look({ instance }: Subject, isFull: boolean): Promise<Look> {
  const freeBytes = await diskOf(instance).freeBytes();
  const wanted = isFull ? '0 bytes free' : 'more than 0 bytes free';
  return { wanted, seen: `${freeBytes} bytes free`, ok: isFull === (freeBytes === 0), figures: { freeBytes } };
}
