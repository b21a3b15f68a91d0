import { type KnownFile, OWN, THEIRS } from '../files.ts';
import { Broken, hold } from '../finding.ts';
import type { Stage } from '../stage.ts';
import { mustFetch } from './fetching.ts';
import { mustServe } from './serving.ts';

const CALLERS = 8;
/** A slow caller: for all of them to have come. */
const PAUSE_MS = 500;
const ROUNDS = 3;
/** A caller that reads nothing for so long must not keep another one waiting. */
const HELD_MS = 3000;

export const load = {
  'load.many': async (stage: Stage) => {
    await Promise.all(THEIRS.many.map((file) => mustFetch(stage, file)));
  },
  'load.callers': async (stage: Stage) => {
    // The large ones are still under way when the others come.
    const files = [OWN.large, OWN.small, OWN.large, OWN.one];
    const callers = Array.from({ length: CALLERS }, (_, i) => files[i % files.length] ?? OWN.one);
    // How calls come to overlap is chance.
    for (let round = 0; round < ROUNDS; round++)
      await Promise.all(callers.map((file) => mustServe(stage, file, { pauseMs: PAUSE_MS })));
    await mustServeBesideSlow(stage);
  },
};

/** On a busy machine a call can take as long as the pause: only who never gets through was kept waiting by the other. */
async function mustServeBesideSlow(stage: Stage): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    let isOver = false;
    const slow = mustServe(stage, OWN.large, { pauseMs: HELD_MS }).finally(() => {
      isOver = true;
    });
    // It comes when the other has begun.
    const quick = stage.pass(PAUSE_MS).then(() => mustServe(stage, OWN.one));
    const [wasServed] = await Promise.all([quick.then(() => !isOver), slow]);
    if (wasServed) return;
  }
  throw new Broken({
    asked: `DownloadFile of "${OWN.one.name}", while another caller of "${OWN.large.name}" reads nothing for ${HELD_MS} ms`,
    expected: 'the file, before the other caller goes on',
    came: `the file, after the other had all, ${ROUNDS} times`,
  });
}

export const attack = {
  'attack.bytes': (stage: Stage) => mustFindOut(stage, 'wrong-bytes', THEIRS.lies.bytes),
  'attack.short': (stage: Stage) => mustFindOut(stage, 'short', THEIRS.lies.short),
  'attack.long': (stage: Stage) => mustFindOut(stage, 'long', THEIRS.lies.long),
  'attack.endless': (stage: Stage) => mustFindOut(stage, 'endless', THEIRS.lies.endless),
};

/** The only source lies: no answer can be right that says `ok`, and nothing may be stored but the right content. */
async function mustFindOut(stage: Stage, lie: string, { name, sha256 }: KnownFile): Promise<void> {
  await stage.behave({ DOUBLE_LIES: lie });
  try {
    const answer = await stage.control('download', { name });
    const stored = (await stage.stored()).find((file) => file.name === name);
    const asked = `POST /control/download of "${name}", whose only source sends something else (${lie})`;
    hold(!stored || stored.sha256 === sha256, () => ({
      asked,
      expected: 'nothing in the share under this name',
      came: `a file of ${stored?.sizeBytes} bytes with another content`,
    }));
    hold('failure' in answer || stored !== undefined, () => ({
      asked,
      expected: 'a failure',
      came: 'status 200, and no file',
    }));
  } finally {
    await stage.behave({});
  }
}
