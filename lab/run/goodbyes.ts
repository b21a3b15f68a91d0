import { setTimeout as sleep } from 'node:timers/promises';
import { addressText } from '#proto/addresses.ts';
import type { ControlResponse } from '#proto/control-api.ts';
import { PROMISES } from '#proto/promises.ts';
import { PUBLISHING_DELAY_SECONDS } from '../checks/presence.ts';
import type { Instance } from '../drivers/driver.ts';
import type { IndexLook } from '../history/events.ts';
import type { Tell } from '../history/run-event.ts';
import { callControl, fetchMetrics } from '../instance-http.ts';
import { inPool } from '../limit.ts';
import { cpuPressure } from '../machine/pressure.ts';
import { parsePrometheusText, sumOf } from '../metrics/prometheus-text.ts';

const STOPS_AT_A_TIME = 16;
const POLL_MS = 250;
const ASK_TIMEOUT_MS = 10_000;

export interface GoodbyesInit {
  /** Peers that are logged in and have no fault. */
  readonly present: readonly Instance[];
  /** The directory, or its replicas. */
  readonly directories: readonly Instance[];
  readonly controlToken: string;
  readonly signal: AbortSignal;
  now(): number;
  readonly tell: Tell<'index-looked'>;
}

/**
 * A peer that is asked to end logs out first. To see it, these peers end before the directory does: all but one, through which the
 * index is then asked who is still there, and at last that one, of which only the directory's own count can tell. Hosts are
 * PeerLab's own program and end later, as one.
 */
export async function seeOff(init: GoodbyesInit): Promise<void> {
  const { present, signal } = init;
  const tell = (look: IndexLook) => {
    const pressure = cpuPressure();
    return init.tell({
      kind: 'index-looked',
      look: { ...look, ...(pressure !== undefined && { cpuPressure: pressure }) },
    });
  };
  // A witness that stays anyway leaves nobody out.
  const witness = present.find(({ host }) => host !== undefined) ?? present[0];
  if (!witness || signal.aborted) return;
  const leaving = present.filter((peer) => peer !== witness && peer.host === undefined);
  if (leaving.length > 0) {
    await inPool(leaving, STOPS_AT_A_TIME, (peer) => peer.stop());
    await tell(await lookAfter(leaving, witness, init));
  }
  if (witness.host === undefined && !signal.aborted) await tell(await countAround(witness, init));
}

/** Asks until none of them is named any more, for a publishing delay at most: once, as a rule. */
async function lookAfter(ended: readonly Instance[], witness: Instance, init: GoodbyesInit): Promise<IndexLook> {
  const { controlToken: token, signal, now } = init;
  const common = { ended: ended.map(({ name }) => name), through: witness.name };
  const left = new Set(ended.map(({ address }) => address));
  const call = { url: witness.url, token, verb: 'index', request: {}, timeoutMs: ASK_TIMEOUT_MS, signal } as const;
  const until = now() + PUBLISHING_DELAY_SECONDS;
  for (;;) {
    const start = now();
    const said = await callControl(call);
    const end = now();
    if ('failure' in said) return { ...common, start, end, error: said.failure.message };
    const peers = (said.ok as ControlResponse<'index'>).peers.map((peer) => addressText(peer));
    if (start >= until || signal.aborted || !peers.some((address) => left.has(address)))
      return { ...common, start, end, peers };
    await sleep(POLL_MS, undefined, { signal }).catch(() => {});
  }
}

/** Ends the last one, and has the directory count before and after: it is one less. */
async function countAround(last: Instance, { directories, now, signal }: GoodbyesInit): Promise<IndexLook> {
  let before: number | undefined;
  let asked: Instance | undefined;
  for (const directory of directories) {
    asked = directory;
    before = await onlineAt(directory);
    if (before !== undefined) break;
  }
  await last.stop();
  const start = now();
  const online = async () => asked && onlineAt(asked);
  let after = await online();
  // Another replica may have heard the goodbye, and this one hears of it a moment later.
  const until = directories.length > 1 ? start + PUBLISHING_DELAY_SECONDS : start;
  while (before !== undefined && after !== before - 1 && now() < until && !signal.aborted) {
    await sleep(POLL_MS, undefined, { signal }).catch(() => {});
    after = await online();
  }
  const look = { start, end: now(), ended: [last.name] };
  if (before === undefined || after === undefined)
    return { ...look, error: 'the directory does not tell how many peers are online' };
  return { ...look, online: { before, after } };
}

async function onlineAt({ url }: Instance): Promise<number | undefined> {
  const { ms } = PROMISES.metrics;
  const text = await fetchMetrics(url, ms, AbortSignal.timeout(ms)).catch(() => '');
  const online = sumOf(parsePrometheusText(text), 'peerlab_directory_peers_online');
  return Number.isFinite(online) ? online : undefined;
}
