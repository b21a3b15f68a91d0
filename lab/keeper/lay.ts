import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import type { LAY_ENV } from '#proto/env.ts';
import { PeerLabError } from '#proto/errors.ts';
import { counted } from '#proto/units.ts';
import { openContent } from '../language/content.ts';
import type { PlannedPeer } from '../language/world.ts';
import { writeShare } from '../machine/share-folder.ts';
import { findScenario } from '../scenario/find.ts';
import { makePlan } from '../scenario/plan.ts';

/**
 * Here files lie until all of them are there. While it is there, a share is not laid yet; a share that has files and not this was laid, and
 * what has become of it since is left alone.
 */
const UNFINISHED = '.peerlab-laying';
/** Of a file system that is mounted there, not of the share. */
const NOT_OF_THE_SHARE = new Set(['lost+found']);

/**
 * Fills the share of a peer with exactly the files that the lab would make for it.
 * @returns a sentence that says what was done
 * @throws PeerLabError `bad-setting`, `usage` (no such scenario), `disk-full`
 */
export async function lay(env: NodeJS.ProcessEnv): Promise<string> {
  const name = settingOf(env, 'PEERLAB_PEER');
  const folder = settingOf(env, 'PEER_SHARE_DIR');
  const share = filesOf(settingOf(env, 'PEERLAB_SCENARIO'), name, seedOf(env.PEERLAB_SEED));
  await mkdir(folder, { recursive: true });
  const there = (await readdir(folder)).filter((entry) => !NOT_OF_THE_SHARE.has(entry));
  if (there.length > 0 && !there.includes(UNFINISHED))
    return `The share of ${name} was laid before: it stays as it is.`;
  const unfinished = path.join(folder, UNFINISHED);
  const missing = share.filter((file) => !there.includes(file.name));
  await rm(unfinished, { recursive: true, force: true });
  await writeShare(unfinished, missing, new AbortController().signal);
  for (const file of missing) await rename(path.join(unfinished, file.name), path.join(folder, file.name));
  await rm(unfinished, { recursive: true });
  return `${counted(share.length, 'file')} lie in the share of ${name}.`;
}

/** Of the peer of this name; where the scenario has none, of the one that comes at its number: in a larger run, if need be. */
function filesOf(scenarioName: string, name: string, seed: number | undefined) {
  const scenario = findScenario(scenarioName);
  const number = Number(/-(\d{1,5})$/.exec(name)?.[1]);
  const { peers } = makePlan(scenario, { seed });
  const peer = peers.find((some) => some.name === name) ?? peers[number - 1] ?? ofLarger();
  return peer.share.map(({ name, sizeBytes, content }) => ({
    ...{ name, sizeBytes },
    open: () => openContent(content, sizeBytes),
  }));

  function ofLarger(): PlannedPeer {
    if (!(number >= 1))
      throw new PeerLabError('bad-setting', { about: 'PEERLAB_PEER', expected: 'a name such as peers-3', got: name });
    const larger = makePlan(scenario, { seed, peers: number }).peers;
    return larger.find((some) => some.name === name) ?? (larger[number - 1] as PlannedPeer);
  }
}

function settingOf(env: NodeJS.ProcessEnv, about: keyof typeof LAY_ENV | 'PEER_SHARE_DIR'): string {
  const value = env[about];
  if (value) return value;
  throw new PeerLabError('bad-setting', { about, expected: 'a value', got: 'nothing' });
}

function seedOf(text: string | undefined): number | undefined {
  if (!text) return undefined;
  if (/^\d{1,10}$/.test(text) && Number(text) < 2 ** 32) return Number(text);
  throw new PeerLabError('bad-setting', { about: 'PEERLAB_SEED', expected: 'a whole number below 2^32', got: text });
}
