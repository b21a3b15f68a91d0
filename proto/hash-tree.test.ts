import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import {
  BLOCK_SIZE_BYTES,
  HASH_SIZE_BYTES,
  isPieceSize,
  MAX_PIECE_SIZE_BYTES,
  pieceBounds,
  pieceHasher,
  pieceSizeOf,
  rootOfLayer,
  TreeHasher,
} from './hash-tree.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

/** Byte i of the content that the roots below were made from. */
function content(sizeBytes: number): Buffer {
  const data = Buffer.alloc(sizeBytes);
  for (let i = 0; i < sizeBytes; i++) data[i] = (i * 7 + Math.floor(i / 251)) % 256;
  return data;
}

function treeOf(data: Buffer, pieceSizeBytes = pieceSizeOf(data.length), stepBytes = data.length || 1) {
  const hasher = new TreeHasher(data.length, pieceSizeBytes);
  for (let at = 0; at < data.length; at += stepBytes) hasher.update(data.subarray(at, at + stepBytes));
  return hasher.digest();
}

// Made by a recursion over (level, index) with Python's hashlib, which shares nothing with the code here but BEP 52's definition.
const ROOTS: [sizeBytes: number, root: string][] = [
  [1, '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d'],
  [BLOCK_SIZE_BYTES - 1, '50746bbdb527488824fc110794cab39be1e361d0ff108bb77fb3396a69acb34e'],
  [BLOCK_SIZE_BYTES, '15345b8bcf83c9acd70121ebacc0aae2b90b2995b90a5143382a4f29fd125083'],
  [BLOCK_SIZE_BYTES + 1, '4f06ab5d81301a6be8740291d8491edb35843daecf491a50c4d22d92eaf9acbc'],
  [3 * BLOCK_SIZE_BYTES, '96c2e87d63edd32ff0d095deeb22c80b0b5dea5853a35c8e8ecec7ab918a8658'],
  [5 * BLOCK_SIZE_BYTES + 17, '523ff5917f287205ed79cf5f1ef634b6bc55238734d16ff1302c3964d30682cd'],
  [MIB, '6d5976bfd3ac283d3c5d43e7e4bdd44ae62a7e4cd4c87c82bef45c27cd37e92d'],
  [MIB + 1, '6e3b166202d7346cbc39cf82acde1db093c0df77f42838ed38863e2ddefeb601'],
  [3 * MIB - 5, '8673005b2438590e616ad3b9682c2e653a2593bb5e1ed73a90e56c66e6db4196'],
  [5 * MIB + 3, '0e7802a62e17618036c36c5a312b64a56dc2debdb9783a90d2460bb8b9b2122e'],
];

test.each(ROOTS)('the root of %i bytes, whatever the piece size and the parts it came in', (sizeBytes, root) => {
  const data = content(sizeBytes);
  for (const piece of [BLOCK_SIZE_BYTES, 64 * KIB, MIB, 4 * MIB]) expect(treeOf(data, piece)?.root).toBe(root);
  for (const step of [1000, BLOCK_SIZE_BYTES, 256 * KIB, 3 * BLOCK_SIZE_BYTES + 1]) {
    expect(treeOf(data, undefined, step)?.root).toBe(root);
  }
});

test('one block is its SHA-256; missing leaves are zero bytes, and pairs of them hash as everywhere', () => {
  expect(treeOf(Buffer.from('hello world'))?.root).toBe(
    'b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9',
  );
  // Three blocks of four: the missing one is zero. The subtrees of zero leaves are those that Ethereum's trees are padded with.
  const block = Buffer.alloc(BLOCK_SIZE_BYTES, 1);
  const leaf = sha256(block);
  const zero = Buffer.alloc(HASH_SIZE_BYTES);
  expect(treeOf(Buffer.concat([block, block, block]))?.root).toBe(
    sha256(Buffer.concat([sha256(Buffer.concat([leaf, leaf])), sha256(Buffer.concat([leaf, zero]))])).toString('hex'),
  );
  const emptyPair = Buffer.from('f5a5fd42d16a20302798ef6ed309979b43003d2320d9f0e8ea9831a92759fb4b', 'hex');
  const five = Buffer.alloc(5 * 2 * BLOCK_SIZE_BYTES, 1);
  const pair = sha256(Buffer.concat([leaf, leaf]));
  const four = sha256(Buffer.concat([sha256(Buffer.concat([pair, pair])), sha256(Buffer.concat([pair, pair]))]));
  const nothing = sha256(Buffer.concat([emptyPair, emptyPair]));
  const rest = sha256(Buffer.concat([sha256(Buffer.concat([pair, emptyPair])), nothing]));
  expect(treeOf(five, 2 * BLOCK_SIZE_BYTES)?.root).toBe(sha256(Buffer.concat([four, rest])).toString('hex'));
});

test('an empty file has no tree; nor has one that is not there yet as a whole', () => {
  expect(treeOf(Buffer.alloc(0))).toBeUndefined();
  const hasher = new TreeHasher(10);
  hasher.update(Buffer.alloc(9));
  expect(hasher.digest()).toBeUndefined();
});

test('each piece is checked by the layer, and the layer by the root', () => {
  const data = content(3 * MIB - 5);
  const tree = treeOf(data);
  if (!tree) throw new Error('no tree');
  expect(tree.layer.length).toBe(3 * HASH_SIZE_BYTES);
  expect(rootOfLayer(tree.layer, data.length, MIB)).toBe(tree.root);
  for (let index = 0; index < 3; index++) {
    const hasher = pieceHasher(index, data.length, MIB);
    hasher.update(data.subarray(...pieceBounds(index, data.length, MIB)));
    expect(hasher.digest()).toEqual(tree.layer.subarray(index * HASH_SIZE_BYTES, (index + 1) * HASH_SIZE_BYTES));
  }
  expect(rootOfLayer(tree.layer.subarray(HASH_SIZE_BYTES), data.length, MIB)).toBeUndefined();
  expect(rootOfLayer(tree.layer, data.length, 2 * MIB)).toBeUndefined();
  const wrong = Buffer.from(tree.layer);
  wrong[40] = (wrong[40] as number) ^ 1;
  expect(rootOfLayer(wrong, data.length, MIB)).not.toBe(tree.root);
});

test('pieces are powers of two, and few enough for one message', () => {
  expect(pieceSizeOf(0)).toBe(MIB);
  expect(pieceSizeOf(64 * 1024 * MIB)).toBe(MIB);
  expect(pieceSizeOf(64 * 1024 * MIB + 1)).toBe(2 * MIB);
  expect(isPieceSize(MIB)).toBe(true);
  for (const wrong of [0, 1, 16_383, 3 * BLOCK_SIZE_BYTES, 2 * MAX_PIECE_SIZE_BYTES, Number.NaN]) {
    expect(isPieceSize(wrong)).toBe(false);
  }
});

function sha256(data: Buffer): Buffer {
  return createHash('sha256').update(data).digest();
}
