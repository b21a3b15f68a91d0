import { PeerLabError, reasonOf } from '#proto/errors.ts';
import { KeeperClient } from '../../keeper/client.ts';
import { waitUntilHealthy } from '../readiness.ts';
import type { StandingSettings } from './settings.ts';

const PROBE_TIMEOUT_MS = 4000;
const PROBES_AT_ONCE = 8;
/** More are not looked for. */
const MAX_PLACES = 10_000;

/** What stands. */
export interface Standing {
  readonly peers: number;
  /** The keeper that was looked for and did not answer; with a list of keepers, there is none. */
  readonly next?: string | undefined;
}

/** @throws PeerLabError `not-standing` when the directory does not answer, or no keeper does */
export async function surveyStanding(settings: StandingSettings, signal: AbortSignal): Promise<Standing> {
  const { directory } = settings;
  await waitUntilHealthy(
    `${directory}/healthz`,
    'the directory',
    PROBE_TIMEOUT_MS,
    signal,
    new AbortController().signal,
  ).catch((error) => {
    throw signal.aborted ? error : new PeerLabError('not-standing', { about: directory, got: reasonOf(error) });
  });
  const peers = (await findKeepers(settings, signal)).length;
  return { peers, next: settings.keeperAt(peers + 1) };
}

/**
 * The keepers that stand: of a list all, and by a pattern those before the first that does not answer.
 * @throws PeerLabError `not-standing` when one of a list or the first does not answer as it should; `unauthorized`
 */
export async function findKeepers(settings: StandingSettings, signal: AbortSignal): Promise<string[]> {
  const found: string[] = [];
  for (let first = 1; first <= MAX_PLACES; first += PROBES_AT_ONCE) {
    const places = Array.from({ length: PROBES_AT_ONCE }, (_, i) => settings.keeperAt(first + i));
    const urls = places.filter((url) => url !== undefined);
    const flaws = await Promise.all(urls.map((url) => flawOf(url, settings.token, signal)));
    const bad = flaws.findIndex((flaw) => flaw !== undefined);
    found.push(...urls.slice(0, bad < 0 ? undefined : bad));
    const flaw = flaws[bad];
    if (flaw && (found.length === 0 || flaw.code === 'unauthorized' || settings.keeperAt(MAX_PLACES) === undefined))
      throw new PeerLabError('not-standing', { about: urls[bad] ?? '', got: flaw.message });
    if (flaw || urls.length < PROBES_AT_ONCE) break;
  }
  return found;
}

async function flawOf(url: string, token: string, signal: AbortSignal): Promise<PeerLabError | undefined> {
  try {
    await new KeeperClient({ url, token, by: '' }).ask('state', {}, signal, PROBE_TIMEOUT_MS);
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    return error as PeerLabError;
  }
}
