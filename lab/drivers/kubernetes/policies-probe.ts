import { setTimeout as sleep } from 'node:timers/promises';
import { PeerLabError } from '#proto/errors.ts';
import type { Helper } from '../agent/helper.ts';
import { REACHING_PORT } from '../agent/protocol.ts';
import type { Lack } from '../capabilities.ts';
import { LET_IN } from './capabilities.ts';

/** How long a connection is watched; and by when policies are in force on every cluster that has them. */
const WATCHED_MS = 6000;
const IN_FORCE_MS = 4000;
/** Of a connection that goes on, the last answer came less than so long before the end. */
const STILL_ANSWERED_MS = 1000;
/** Then it has been answered. */
const OPEN_AFTER_MS = 500;
const DIAL_TIMEOUT_MS = 300;
const POLL_MS = 100;

/**
 * Whether policies make a cut, looked for and never assumed: many clusters enforce none; others only look at new connections, so that what
 * is open goes on, heartbeats and transfers among it.
 * @param cut cuts the canary off. @returns why they make none
 */
export async function cutLack(
  canary: Pick<Helper, 'ask'>,
  witness: string,
  cut: () => Promise<void>,
): Promise<Lack | undefined> {
  const isReached = async () => {
    const targets = [{ host: witness, port: REACHING_PORT }];
    return (await canary.ask({ do: 'dial', targets, timeoutMs: DIAL_TIMEOUT_MS })).dialled[0] === 'connected';
  };
  const until = async (wanted: boolean) => {
    const giveUpAt = performance.now() + IN_FORCE_MS;
    while ((await isReached()) !== wanted) {
      if (performance.now() > giveUpAt) return false;
      await sleep(POLL_MS);
    }
    return true;
  };
  if (!(await until(true)))
    return { why: 'pods of this cluster do not reach each other where a policy lets them', help: LET_IN };
  const held = canary.ask({ do: 'hold', witness, forMs: WATCHED_MS }, WATCHED_MS);
  held.catch(() => {});
  await sleep(OPEN_AFTER_MS);
  await cut();
  if (!(await until(false))) return { why: 'this cluster does not enforce network policies', help: LET_IN };
  const { answeredMs } = await held;
  if (answeredMs === 0)
    throw new PeerLabError('agent-failed', { about: 'canary', got: 'no connection to the witness' });
  if (answeredMs < WATCHED_MS - STILL_ANSWERED_MS) return undefined;
  return { why: 'network policies of this cluster let connections go on that are open already', help: LET_IN };
}
