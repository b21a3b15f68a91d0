import type { Fault, Look, Subject } from './fault.ts';
import { lookUntil, networkOf } from './surroundings.ts';

/** An answer of a neighbour takes microseconds; this much is a busy machine's. */
const SLACK_MS = 10;
const SLACK_FRACTION = 0.1;
const ATTEMPTS_MS = 2000;

/** Each packet that the instance sends is late: an answer takes that much longer. */
export const delay: Fault<'delay'> = {
  hits: 'surroundings',
  ends: false,
  apply: ({ byMs, jitterMs }, { instance }) => networkOf(instance).impose({ delay: { byMs, jitterMs } }),
  async lift(_, { instance }) {
    await networkOf(instance).impose({ delay: undefined });
    return instance;
  },
  look({ byMs, jitterMs }, subject, when, withinMs) {
    if (when === 'during') return lookUntil(() => look(subject, byMs, jitterMs), ATTEMPTS_MS);
    return lookUntil(() => look(subject, 0, 0), withinMs);
  },
};

async function look({ instance }: Subject, byMs: number, jitterMs: number): Promise<Look> {
  const { ms } = await networkOf(instance).measureRoundTrip();
  const slack = SLACK_MS + byMs * SLACK_FRACTION;
  return {
    wanted: `an answer after ${byMs} ms, ${Math.round(jitterMs)} ms earlier or ${Math.round(jitterMs + slack)} ms later`,
    seen: `an answer after ${ms.toFixed(1)} ms`,
    ok: ms >= byMs - jitterMs && ms <= byMs + jitterMs + slack,
    figures: { roundTripMs: Math.round(ms * 10) / 10 },
  };
}
