import { addressText, parseAddress } from '#proto/addresses.ts';
import { type KnownFile, OWN, THEIRS } from '../files.ts';
import { Broken, hold, NotSeen } from '../finding.ts';
import type { Stage } from '../stage.ts';

/** Slow enough that the lab sees the download while it runs. */
const SLOW = '512KiB/s';
const LOOKS = 100;
const LOOK_MS = 50;

export const fetching = {
  'fetch.whole': async (stage: Stage) => {
    for (const file of [THEIRS.one, THEIRS.large]) await mustFetch(stage, file);
  },
  'fetch.empty': (stage: Stage) => mustFetch(stage, THEIRS.empty),
  'fetch.answer': async (stage: Stage) => {
    const { name, content, sha256 } = THEIRS.answered;
    const answer = await stage.done('download', { name });
    const sum = answer.sources.reduce((total, { bytes }) => total + bytes, 0);
    const asked = `POST /control/download {"name":"${name}"}`;
    const isRight = answer.name === name && answer.size === content.length && answer.sha256 === sha256;
    hold(isRight && answer.bytes === content.length, () => ({
      asked,
      expected: JSON.stringify({ name, size: content.length, sha256, bytes: content.length }),
      came: JSON.stringify({ name: answer.name, size: answer.size, sha256: answer.sha256, bytes: answer.bytes }),
    }));
    const prober = textOf(stage.prober.address);
    const gave = answer.sources.find(({ bytes }) => bytes > 0);
    hold(sum === answer.bytes && textOf(gave?.peer ?? '') === prober, () => ({
      asked,
      expected: `sources whose bytes add up to ${answer.bytes}, all from ${prober}`,
      came: JSON.stringify(answer.sources),
    }));
  },
  'fetch.absent': async (stage: Stage) => {
    const name = 'nobody-has-this.bin';
    const answer = await stage.control('download', { name });
    const left = (await stage.stored()).find((file) => file.name === name);
    hold('failure' in answer && !left, () => ({
      asked: `POST /control/download {"name":"${name}"}`,
      expected: 'a failure, and nothing in the share',
      came: left ? `a file of ${left.sizeBytes} bytes` : 'status 200',
    }));
  },
  'fetch.from': async (stage: Stage) => {
    // Nobody listens there: only whoever asks somebody else gets the file.
    const from = stage.checked.address.replace(/\d+$/, '1');
    const answer = await stage.control('download', { name: THEIRS.elsewhere.name, from });
    hold('failure' in answer, () => ({
      asked: `POST /control/download from ${from}, where nobody is`,
      expected: 'a failure',
      came: `the file, from ${JSON.stringify('ok' in answer ? answer.ok.sources : [])}`,
    }));
    // A peer that fails whenever it reads the word would have passed.
    await stage.done('download', { name: THEIRS.elsewhere.name, from: stage.prober.address });
  },
  'fetch.unfinished': async (stage: Stage) => {
    const { name, content } = THEIRS.slow;
    await stage.behave({ DOUBLE_SENDS: SLOW });
    let done = false;
    let looks = 0;
    const download = stage.control('download', { name }).finally(() => {
      done = true;
    });
    try {
      for (; !done && looks < LOOKS; looks++) {
        const early = (await stage.stored()).find((file) => file.name.startsWith(name));
        hold(done || !early || early.sizeBytes >= content.length, () => ({
          asked: `a look at the share while "${name}" is fetched`,
          expected: 'no part of it outside of .peerlab/',
          came: `"${early?.name}" with ${early?.sizeBytes} of ${content.length} bytes`,
        }));
        await stage.pass(LOOK_MS);
      }
      if (looks < 2) throw new NotSeen('the download was over before the lab could look');
    } finally {
      await stage.behave({});
      await download.catch(() => {});
    }
  },
  'fetch.keeps': async (stage: Stage) => {
    const { name, sha256 } = THEIRS.taken;
    const answer = await stage.control('download', { name, sha256 });
    await stage.mustHold(OWN.taken, `a look at "${name}" after a download of another content of this name`);
    hold('failure' in answer, () => ({
      asked: `POST /control/download {"name":"${name}","sha256":"${sha256}"} where this name has another content`,
      expected: 'a failure, as the file is not there afterwards',
      came: 'status 200',
    }));
  },
  'fetch.again': async (stage: Stage) => {
    await mustFetch(stage, THEIRS.one).catch((error) => {
      throw error instanceof Broken ? new NotSeen(`its first download failed: ${error.message}`) : error;
    });
    const { bytes } = await stage.done('download', { name: THEIRS.one.name });
    hold(bytes === 0, () => ({
      asked: `a second download of "${THEIRS.one.name}"`,
      expected: 'bytes: 0',
      came: `bytes: ${bytes}`,
    }));
  },
  'names.fetched': async (stage: Stage) => {
    for (const file of THEIRS.odd) await mustFetch(stage, file);
  },
};

/** @throws Broken unless the peer fetches it, and has it on its disk */
export async function mustFetch(stage: Stage, file: KnownFile): Promise<void> {
  await stage.done('download', { name: file.name });
  await stage.mustHold(file, `a look at the share after the download of "${file.name}"`);
}

/** An address, however it is spelt. */
function textOf(address: string): string {
  const parsed = parseAddress(address);
  return parsed ? addressText(parsed) : address;
}
