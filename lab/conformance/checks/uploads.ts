import type { Called } from '../../doubles/calling.ts';
import { type KnownFile, knownFile, OWN, THEIRS } from '../files.ts';
import { hold } from '../finding.ts';
import type { Stage } from '../stage.ts';

export const uploads = {
  'upload.stored': async (stage: Stage) => {
    // Content in the first message, and in several.
    for (const [file, parts] of [
      [knownFile('up-one.bin', 1), 1],
      [knownFile('up-parts.bin', 40_000), 3],
      [knownFile('up-empty.bin', 0), 1],
    ] as const) {
      const told = await upload(stage, file, { parts });
      hold(told.answer?.success === true, () => evidence(`an upload of ${file.content.length} bytes`, 'success', told));
      await stage.mustHold(file, `a look at the share after the upload of "${file.name}"`);
    }
  },
  'upload.refused': async (stage: Stage) => {
    const other = knownFile('up-other.bin', 1001);
    const short = knownFile('up-short.bin', 1000);
    for (const [what, file, sent] of [
      ['another content than announced', { ...short, name: 'up-wrong.bin' }, other.content.subarray(0, 1000)],
      ['fewer bytes than announced', short, short.content.subarray(0, 999)],
      ['more bytes than announced', { ...short, name: 'up-long.bin' }, other.content],
    ] as const) {
      const told = await upload(stage, file, { sent });
      hold(told.answer?.success !== true, () => evidence(`an upload with ${what}`, 'no success', told));
      await mustLack(stage, file.name, `an upload with ${what}`);
    }
  },
  'upload.keeps': async (stage: Stage) => {
    const { name } = OWN.taken;
    const told = await upload(stage, { ...knownFile('up-taken.bin', 700), name });
    hold(told.answer?.success !== true, () => evidence(`an upload of another "${name}"`, 'no success', told));
    await stage.mustHold(OWN.taken, `a look at "${name}" after an upload of another content`);
  },
  'upload.names': async (stage: Stage) => {
    const file = knownFile('up-evil.bin', 100);
    for (const name of ['../up-evil.bin', '/tmp/up-evil.bin', 'folder/up-evil.bin', '..', '']) {
      const told = await upload(stage, { ...file, name });
      hold(told.answer?.success !== true, () => evidence(`an upload as "${name}"`, 'no success', told));
    }
    await mustLack(stage, 'up-evil.bin', 'uploads with paths as names');
  },
  'upload.bare': async (stage: Stage) => {
    const filename = 'up-bare.bin';
    const told = await stage.call('UploadFile', { messages: [{ filename }] });
    hold(told.answer?.success !== true, () => evidence('an upload of a bare filename', 'no success', told));
    await mustLack(stage, filename, 'an upload of a bare filename');
  },
  'upload.offers': async (stage: Stage) => {
    const { name: filename, content, sha256 } = THEIRS.offered;
    const told = await stage.call('UploadFile', {
      messages: [{ filename, size: content.length, sha256, offer: true }],
    });
    const asked = `an offer of ${content.length} bytes, which the prober serves`;
    hold(told.answer !== undefined, () => evidence(asked, 'an answer with status OK', told));
    if (told.answer?.success) await stage.mustHold(THEIRS.offered, `a look at the share after ${asked}: success`);
    else await mustLack(stage, filename, `${asked}: declined`);
  },
  'upload.sends': async (stage: Stage) => {
    for (const { name, content, sha256 } of [OWN.small, OWN.large]) {
      const to = stage.prober.address;
      const { visits } = await stage.visitsDuring(() => stage.done('upload', { name, to }));
      const came = visits.flatMap(({ upload }) => (upload && !upload.offer ? [upload] : []));
      const isRight = came.some(
        (one) =>
          one.filename === name &&
          one.size === content.length &&
          one.sha256 === sha256 &&
          one.gotSha256 === sha256 &&
          one.bytes === content.length,
      );
      hold(isRight, () => ({
        asked: `POST /control/upload {"name":"${name}","to":"${to}"}; an offer would be declined`,
        expected: `an upload of ${content.length} bytes with size and sha256 in its first message`,
        came: came.length === 0 ? 'no upload' : JSON.stringify(came.at(-1)),
      }));
    }
  },
};

/** An upload of a file in some messages, the first of which announces it. */
function upload(stage: Stage, file: KnownFile, { sent = file.content, parts = 1 } = {}): Promise<Called> {
  const { name: filename, sha256, content } = file;
  const step = Math.ceil(sent.length / parts) || 1;
  const messages = Array.from({ length: parts }, (_, i) => ({
    ...(i === 0 && { filename, size: content.length, sha256 }),
    content: sent.subarray(i * step, (i + 1) * step).toString('base64'),
  }));
  return stage.call('UploadFile', { messages });
}

function evidence(asked: string, expected: string, { answer, status, details }: Called) {
  return { asked, expected, came: answer ? JSON.stringify(answer) : `status ${status} ${details}` };
}

async function mustLack(stage: Stage, name: string, after: string): Promise<void> {
  const found = (await stage.stored()).find((file) => file.name === name || file.name.endsWith(`/${name}`));
  const isUnfinished = found?.name.startsWith('.peerlab/');
  hold(!found || isUnfinished === true, () => ({
    asked: `a look at the share after ${after}`,
    expected: `no "${name}"`,
    came: `a file of ${found?.sizeBytes} bytes`,
  }));
}
