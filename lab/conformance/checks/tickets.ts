import type { Instance } from '../../drivers/driver.ts';
import { OWN, THEIRS } from '../files.ts';
import { hold, NotBrought } from '../finding.ts';
import type { Stage } from '../stage.ts';
import { mustServe } from './serving.ts';

export const tickets = {
  'tickets.shown': async (stage: Stage) => {
    const { visits } = await stage.visitsDuring(() => stage.done('download', { name: THEIRS.ticket.name }));
    hold(visits.length > 0 && visits.every(({ hasTicket }) => hasTicket), () => ({
      asked: `the metadata of the calls for "${THEIRS.ticket.name}"`,
      expected: 'authorization: Bearer <ticket>',
      came: visits.length === 0 ? 'no call' : 'a call without it',
    }));
  },
  'tickets.good': (stage: Stage) =>
    withClosed(stage, async (closed) => {
      await mustServe(stage, OWN.small, { to: closed.address });
    }),
  'tickets.none': (stage: Stage) =>
    withClosed(stage, async (closed) => {
      for (const ticket of ['none', 'forged'] as const) {
        const request = { filename: OWN.small.name };
        const told = await stage.call('DownloadFile', { request }, { ticket, to: closed.address });
        // The contract lets a peer do without tickets: then everybody is served.
        if (told.status === 0 && ticket === 'none') throw new NotBrought('it serves callers without a ticket');
        hold(told.status !== 0 && told.bytes === 0, () => ({
          asked: 'DownloadFile with a forged ticket, with PEER_OPEN=0',
          expected: 'UNAUTHENTICATED',
          came: `status ${told.status} and ${told.bytes} bytes`,
        }));
      }
    }),
};

let lives = 0;

/** A peer of its own, logged in, and ended afterwards. */
async function withClosed(stage: Stage, check: (closed: Instance) => Promise<void>): Promise<void> {
  const closed = await stage.startClosed(`closed-${++lives}`, [OWN.small]);
  try {
    await stage.done('login', {}, closed);
    await check(closed);
  } finally {
    await closed.stop();
  }
}
