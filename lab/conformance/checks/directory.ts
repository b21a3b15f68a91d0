import { reasonOf } from '#proto/errors.ts';
import { PROMISES } from '#proto/promises.ts';
import { parsePrometheusText } from '../../metrics/prometheus-text.ts';
import { allOf, type KnownFile, OWN, THEIRS } from '../files.ts';
import { Broken, hold, NotSeen } from '../finding.ts';
import { LEASE_MS, type Stage } from '../stage.ts';
import { mustServe } from './serving.ts';

const BYTES = 'peerlab_transfer_bytes_total';
/** For this many leases the directory is looked at all the time. */
const WATCHED_LEASES = 1.2;
const LOOK_MS = 400;
const DIRECTIONS = ['sent', 'received'] as const;

export const directory = {
  'directory.lists': async (stage: Stage) => {
    // What became of the one whose name another file has, too, is what fetch.keeps is about.
    const files = allOf(OWN).filter(({ name }) => name !== OWN.taken.name);
    await untilListed(stage, files, 'after the login');
  },
  'directory.publishes': async (stage: Stage) => {
    await stage.done('download', { name: THEIRS.published.name });
    await untilListed(stage, [THEIRS.published], `after the download of "${THEIRS.published.name}"`);
  },
  'directory.lease': async (stage: Stage) => {
    const since = stage.loggedInMs;
    if (since === undefined) throw new NotSeen('the peer is not logged in');
    // A peer whose lease ran out, and that logged in again, is missing for a moment only.
    const until = Math.max(since + 2.5 * LEASE_MS, performance.now() + WATCHED_LEASES * LEASE_MS);
    while (performance.now() < until) {
      const seconds = (performance.now() - since) / 1000;
      hold((await stage.listed()) !== undefined, () => ({
        asked: `the directory's index, ${seconds.toFixed(1)} s after the login, with a lease of ${LEASE_MS / 1000} s`,
        expected: 'the peer in it',
        came: 'no such peer',
      }));
      await stage.pass(LOOK_MS);
    }
  },
  'directory.logout': async (stage: Stage) => {
    // Anew: what became of an older registration is the lease's affair.
    await stage.done('login', {});
    await stage.done('logout', {});
    try {
      await stage.within(
        PROMISES.publish.ms,
        async () => !(await stage.listed()),
        () => ({
          asked: "the directory's index after `logout`",
          expected: 'no such peer',
          came: 'the peer is still listed',
        }),
      );
      // A heartbeat that was under way must not bring it back.
      await stage.pass(LEASE_MS / 2);
      hold(!(await stage.listed()), () => ({
        asked: `the directory's index ${LEASE_MS / 2000} s after \`logout\``,
        expected: 'no such peer',
        came: 'the peer is listed again',
      }));
    } finally {
      await stage.done('login', {});
    }
  },
};

export const metrics = {
  'metrics.text': async (stage: Stage) => {
    const { samples, unreadable } = parsePrometheusText((await exposed(stage)).text);
    const [flaw] = unreadable;
    hold(samples.length > 0 && !flaw, () => ({
      asked: 'GET /metrics',
      expected: 'lines in the Prometheus text format',
      came: flaw ? `line ${flaw[0]}: ${flaw[1]}` : 'no sample',
    }));
  },
  'metrics.bytes': async (stage: Stage) => {
    const { bytes: before } = await exposed(stage);
    await mustServe(stage, OWN.large);
    await stage.done('download', { name: THEIRS.counted.name });
    const moved = { sent: OWN.large.content.length, received: THEIRS.counted.content.length };
    const { bytes: after } = await exposed(stage);
    for (const direction of DIRECTIONS) {
      const counted = (after[direction] ?? Number.NaN) - (before[direction] ?? 0);
      hold(counted === moved[direction], () => ({
        asked: `${BYTES}{direction="${direction}"} before and after ${moved[direction]} bytes`,
        expected: `a difference of ${moved[direction]}`,
        came: Number.isNaN(counted) ? 'no such series' : `a difference of ${counted}`,
      }));
    }
  },
  'metrics.zero': async (stage: Stage) => {
    if (stage.firstMetrics === undefined) throw new NotSeen('its metrics could not be read after its start');
    const told = bytesIn(stage.firstMetrics);
    for (const direction of DIRECTIONS)
      hold(told[direction] === 0, () => ({
        asked: `${BYTES}{direction="${direction}"} after the start`,
        expected: '0',
        came: told[direction] === undefined ? 'no such series' : String(told[direction]),
      }));
  },
};

export const end = {
  'end.sigterm': async (stage: Stage) => {
    const how = await endedInOrder(stage);
    hold(/exit code 0\b/.test(how), () => ({
      asked: 'SIGTERM',
      expected: `its end with exit code 0 within ${PROMISES.end.ms / 1000} s`,
      came: how,
    }));
  },
  'end.logout': async (stage: Stage) => {
    const how = await endedInOrder(stage);
    if (!/exit code/.test(how)) throw new NotSeen(`it did not end by itself: ${how}`);
    await stage.within(
      PROMISES.publish.ms,
      async () => !(await stage.listed()),
      () => ({
        asked: "the directory's index after SIGTERM",
        expected: 'no such peer',
        came: 'the peer is still listed',
      }),
    );
  },
};

/** @returns how it ended */
async function endedInOrder(stage: Stage): Promise<string> {
  if (stage.loggedInMs === undefined) await stage.done('login', {});
  const { checked } = stage;
  await checked.stop();
  return checked.ended;
}

async function untilListed(stage: Stage, files: readonly KnownFile[], when: string): Promise<void> {
  let missing = '';
  const lists = async () => {
    const listed = (await stage.listed())?.files ?? [];
    const lacks = files.find(
      ({ name, sha256, content }) =>
        !listed.some((file) => file.name === name && file.sha256 === sha256 && file.size === content.length),
    );
    missing = lacks?.name ?? '';
    return lacks === undefined;
  };
  await stage.within(PROMISES.publish.ms, lists, () => ({
    asked: `the directory's index ${when}`,
    expected: `${files.length} files of the peer, with size and SHA-256`,
    came: `no "${missing}" that is right`,
  }));
}

async function exposed(stage: Stage) {
  let text: string;
  try {
    text = await stage.metrics();
  } catch (error) {
    const expected = `Prometheus text within ${PROMISES.metrics.ms / 1000} s`;
    throw new Broken({ asked: 'GET /metrics', expected, came: reasonOf(error) });
  }
  return { text, bytes: bytesIn(text) };
}

/** The content that was moved, by direction; undefined where there is no such series. */
function bytesIn(text: string): Readonly<Record<(typeof DIRECTIONS)[number], number | undefined>> {
  const { samples } = parsePrometheusText(text);
  const of = (direction: string) => {
    const series = samples.filter(({ name, labels }) => name === BYTES && labels.direction === direction);
    return series.length === 0 ? undefined : series.reduce((sum, { value }) => sum + value, 0);
  };
  return { sent: of('sent'), received: of('received') };
}
