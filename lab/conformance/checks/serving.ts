import { TreeHasher } from '#proto/hash-tree.ts';
import type { Called } from '../../doubles/calling.ts';
import { type KnownFile, OWN, sha256Of } from '../files.ts';
import { Broken, type Evidence, hold, NotSeen } from '../finding.ts';
import type { Stage } from '../stage.ts';

/** A message has at most 4 MiB. */
const MAX_CONTENT_BYTES = 4 * 1024 * 1024;
const ABSENT = { filename: 'no-such-file.bin' };
const NOWHERE = '0'.repeat(64);

const download = {
  'download.whole': async (stage: Stage) => {
    for (const file of [OWN.one, OWN.small, OWN.large]) await mustServe(stage, file);
  },
  'download.empty': (stage: Stage) => mustServe(stage, OWN.empty),
  'download.absent': async (stage: Stage) => mustRefuse(stage, ABSENT),
  'download.offsets': async (stage: Stage) => {
    const told = await served(stage, OWN.large);
    hold(told.withoutOffset === 0 && told.misplaced === 0 && told.first?.offset === 0, () => ({
      asked: askedFor({ filename: OWN.large.name }),
      expected: 'an offset in each chunk, each where the chunk before ended',
      came: `${told.withoutOffset} of ${told.messages} chunks without offset, ${told.misplaced} at a wrong place`,
    }));
  },
  'download.announces': async (stage: Stage) => {
    const { name, content, sha256 } = OWN.large;
    const { first } = await served(stage, OWN.large);
    hold(first?.size === content.length && first.sha256 === sha256, () => ({
      asked: askedFor({ filename: name }),
      expected: `size ${content.length} and sha256 ${sha256} in the first chunk`,
      came: JSON.stringify(first),
    }));
  },
  'download.left': async (stage: Stage) => {
    await served(stage, OWN.large);
    await stage.call('DownloadFile', { request: { filename: OWN.large.name }, leaveAfter: 1 });
    await mustServe(stage, OWN.large);
  },
};

const names = {
  'names.odd': async (stage: Stage) => {
    for (const file of OWN.odd) await mustServe(stage, file);
  },
  'names.outside': async (stage: Stage) => {
    const up = '../'.repeat(12);
    const paths = ['/etc/passwd', `${up}etc/passwd`, '..', '.', '', `./${OWN.small.name}`, `x/../${OWN.small.name}`];
    for (const filename of [...paths, '..%2f..%2fetc%2fpasswd', '..\\..\\etc\\passwd', '.peerlab'])
      await mustRefuse(stage, { filename });
  },
};

const hashes = {
  'hashes.content': async (stage: Stage) => {
    const request = { filename: OWN.one.name, sha256: OWN.small.sha256 };
    mustBe(await stage.call('DownloadFile', { request }), OWN.small.content, askedFor(request));
  },
  'hashes.other': async (stage: Stage) => mustRefuse(stage, { filename: OWN.small.name, sha256: NOWHERE }),
};

const ranges = {
  'ranges.middle': async (stage: Stage) => {
    const { name, content } = OWN.large;
    for (const [offset, length] of [
      [0, 1],
      [1, 2],
      [65_535, 65_538],
      [262_143, 2],
      [1_048_575, 1_048_578],
      [content.length - 1, 1],
    ] as const) {
      const told = await mustServeRange(stage, { filename: name, offset, length });
      hold(told.first?.size === undefined || told.first.size === content.length, () => ({
        asked: askedFor({ filename: name, offset, length }),
        expected: `size ${content.length}, of the whole file`,
        came: `size ${told.first?.size}`,
      }));
    }
  },
  'ranges.rest': (stage: Stage) =>
    mustServeRange(stage, { filename: OWN.large.name, offset: OWN.large.content.length - 100_000, length: 0 }),
  'ranges.outside': async (stage: Stage) => {
    const { length: size } = OWN.small.content;
    for (const range of [
      { offset: size + 1, length: 1 },
      { offset: size - 1, length: 2 },
    ])
      await mustRefuse(stage, { filename: OWN.small.name, ...range });
  },
};

const trees = {
  'trees.right': async (stage: Stage) => {
    for (const { name, content, sha256 } of [OWN.large, OWN.small, OWN.empty]) {
      const { tree, details } = await stage.call('FileTree', { request: { filename: name } });
      const hasher = new TreeHasher(content.length);
      hasher.update(content);
      const right = hasher.digest();
      const isRight =
        tree?.size === content.length &&
        tree.sha256 === sha256 &&
        tree.root === (right?.root ?? '') &&
        // Pieces of another size are as good; then there is no layer to compare with.
        (tree.pieceSize !== right?.pieceSizeBytes || tree.layer === right.layer.toString('hex'));
      hold(isRight, () => ({
        asked: `FileTree of "${name}"`,
        expected: JSON.stringify({ size: content.length, sha256, root: right?.root ?? '' }),
        came: tree ? JSON.stringify({ ...tree, layer: `${tree.layer.length / 2} bytes` }) : details,
      }));
    }
  },
  'trees.absent': async (stage: Stage) => {
    const { tree } = await stage.call('FileTree', { request: ABSENT });
    hold(!tree, () => ({
      asked: 'FileTree of a file that is not there',
      expected: 'an error status',
      came: JSON.stringify(tree),
    }));
  },
};

const swarm = {
  'swarm.map': async (stage: Stage) => {
    for (const { name, content, sha256 } of [OWN.large, OWN.small]) {
      const told = await stage.call('WatchPieces', { wish: { sha256, root: rootOf(content) } });
      const { news } = told;
      const pieces = news && news.pieceSize > 0 ? Math.ceil(content.length / news.pieceSize) : 0;
      hold(news !== undefined && pieces > 0 && (news.whole || news.map === fullMap(pieces)), () => ({
        asked: `WatchPieces of "${name}" (${content.length} bytes), which is in the share, by its SHA-256 and root`,
        expected: 'a first news with piece_size, and either whole or a map in which all pieces are there',
        came: news ? JSON.stringify(news) : statusText(told),
      }));
    }
  },
  'swarm.absent': async (stage: Stage) => {
    const { sha256, content } = OWN.large;
    for (const [what, wish] of [
      ['of content that is not there', { sha256: NOWHERE, root: rootOf(content) }],
      ['of content that is there, with another root', { sha256, root: NOWHERE }],
    ] as const) {
      const told = await stage.call('WatchPieces', { wish });
      hold(!told.news && told.status !== 0 && !told.isLate, () => ({
        asked: `WatchPieces ${what}`,
        expected: 'an error status',
        came: told.news ? JSON.stringify(told.news) : statusText(told),
      }));
    }
  },
};

function rootOf(content: Buffer): string {
  const hasher = new TreeHasher(content.length);
  hasher.update(content);
  return hasher.digest()?.root ?? '';
}

/** In hexadecimal digits; bits after the last piece are 0. */
function fullMap(pieces: number): string {
  const map = Buffer.alloc(Math.ceil(pieces / 8));
  for (let piece = 0; piece < pieces; piece++) map[piece >> 3] = (map[piece >> 3] ?? 0) | (0x80 >> (piece & 7));
  return map.toString('hex');
}

function statusText({ status, details, isLate }: Called): string {
  return isLate ? 'nothing, until the prober left' : `status ${status} ${details}`;
}

const batches = {
  'batches.right': async (stage: Stage) => {
    const wanted = [OWN.small, OWN.empty, undefined, ...OWN.odd];
    const files = wanted.map((file) => (file ? { filename: file.name, sha256: file.sha256 } : ABSENT));
    const told = await stage.call('DownloadFiles', { request: { files } });
    const isRight = (index: number) => {
      const [entry, file] = [told.files?.[index], wanted[index]];
      if (entry?.index !== index) return false;
      return file ? entry.error === '' && entry.sha256 === file.sha256 : entry.error !== '' && entry.bytes === 0;
    };
    const wrong = wanted.findIndex((_, index) => !isRight(index));
    hold(told.status === 0 && wrong < 0 && told.files?.length === wanted.length, () => ({
      asked: `DownloadFiles of ${wanted.length} files, of which one is not there`,
      expected: 'status OK, and an entry for each, in order',
      came: `status ${told.status} ${told.details}; ${told.files?.length ?? 0} entries, the first wrong one is ${JSON.stringify(told.files?.[Math.max(0, wrong)])}`,
    }));
  },
};

export const serving = { ...download, ...names, ...hashes, ...ranges, ...trees, ...swarm, ...batches };

interface Asked {
  readonly filename: string;
  readonly sha256?: string;
  readonly offset?: number;
  readonly length?: number;
}

/** @throws Broken unless the peer serves the whole file */
export async function mustServe(
  stage: Stage,
  { name, content }: KnownFile,
  { to = stage.checked.address, pauseMs = 0 } = {},
): Promise<Called> {
  const told = await stage.call('DownloadFile', { request: { filename: name }, pauseMs }, { to });
  return mustBe(told, content, askedFor({ filename: name }));
}

/** For rules about how a file is sent: a peer that sends other bytes breaks another rule. @throws NotSeen */
async function served(stage: Stage, file: KnownFile): Promise<Called> {
  return mustServe(stage, file).catch((error) => {
    throw error instanceof Broken ? new NotSeen(`it does not send this file rightly: ${error.message}`) : error;
  });
}

async function mustServeRange(stage: Stage, request: Asked & { offset: number; length: number }): Promise<Called> {
  const { offset, length } = request;
  const told = await stage.call('DownloadFile', { request });
  const { content } = OWN.large;
  const end = length === 0 ? content.length : offset + length;
  return mustBe(told, content.subarray(offset, end), askedFor(request));
}

function mustBe(told: Called, content: Buffer, asked: string): Called {
  const came = () =>
    `${told.bytes} bytes${told.bytes === content.length ? ' with another content' : ''}, ${ended(told)}`;
  hold(told.status === 0 && told.bytes === content.length && told.sha256 === sha256Of(content), () => ({
    asked,
    expected: `${content.length} bytes and status OK`,
    came: came(),
  }));
  hold(told.messages > 0, () => ({ asked, expected: 'at least one chunk', came: 'no chunk' }));
  hold(told.largestContent <= MAX_CONTENT_BYTES, () => ({
    asked,
    expected: 'chunks of at most 4 MiB',
    came: `one of ${told.largestContent} bytes`,
  }));
  return told;
}

async function mustRefuse(stage: Stage, request: Asked): Promise<void> {
  const told = await stage.call('DownloadFile', { request });
  // A call that nobody ends is no refusal.
  const isRefused = told.status > 1 && told.bytes === 0 && !told.isLate;
  hold(
    isRefused,
    (): Evidence => ({
      asked: askedFor(request),
      expected: 'an error status, and no byte',
      came: `${told.bytes} bytes, ${ended(told)}`,
    }),
  );
}

function ended({ status, details, isLate }: Called): string {
  if (isLate) return 'and no end in time';
  return status === 0 ? 'status OK' : `status ${status} ${details}`.trim();
}

function askedFor(request: Asked): string {
  return `DownloadFile ${JSON.stringify(request)}`;
}
