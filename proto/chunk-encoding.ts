import type { FileChunk } from './generated/FileChunk.ts';

/**
 * A FileChunk encoded in place: the content is read from the disk to where it stands in the message, so that encoding copies
 * nothing. Protobuf fields may come in any order; here `content` comes first and the short ones behind it.
 */

/** Tag and length in front of the content: lengths up to 2^28. */
const HEAD_BYTES = 1 + 4;
/** Two fields of up to ten bytes behind a tag, and one of 64 hex digits. */
const TAIL_BYTES = 2 * 11 + 2 + 64;

const LENGTH_DELIMITED = 2;
const VARINT = 0;
const tag = (field: number, type: number) => (field << 3) | type;

/** Numbers are those of peer.proto. */
const CONTENT = tag(1, LENGTH_DELIMITED);
const OFFSET = tag(2, VARINT);
const SIZE = tag(3, VARINT);
const SHA256 = tag(4, LENGTH_DELIMITED);

/** Memory for one chunk at a time, used again for the next. */
export class ChunkBuffer {
  readonly #bytes: Buffer;
  readonly #capacity: number;

  constructor(contentBytes: number) {
    this.#capacity = contentBytes;
    this.#bytes = Buffer.allocUnsafeSlow(HEAD_BYTES + contentBytes + TAIL_BYTES);
  }

  /** Where content of this length is to be put before `encode`. */
  content(lengthBytes: number): Buffer {
    return this.#bytes.subarray(HEAD_BYTES, HEAD_BYTES + Math.min(lengthBytes, this.#capacity));
  }

  /** The message with the content that was put in; it is right until the next content is. */
  encode(lengthBytes: number, { offset, size, sha256 }: Omit<FileChunk, 'content'>): Buffer {
    const start = HEAD_BYTES - 1 - varintBytes(lengthBytes);
    this.#bytes[start] = CONTENT;
    this.#varint(lengthBytes, start + 1);
    let end = HEAD_BYTES + lengthBytes;
    if (offset !== undefined) end = this.#numberField(OFFSET, Number(offset), end);
    if (size !== undefined) end = this.#numberField(SIZE, Number(size), end);
    if (sha256 !== undefined) {
      end = this.#numberField(SHA256, sha256.length, end);
      end += this.#bytes.write(sha256, end, 'latin1');
    }
    return this.#bytes.subarray(start, end);
  }

  /** A tag and a number: a whole field, or the beginning of one with a length. */
  #numberField(fieldTag: number, value: number, at: number): number {
    this.#bytes[at] = fieldTag;
    return this.#varint(value, at + 1);
  }

  #varint(value: number, at: number): number {
    let rest = value;
    let end = at;
    // Not by bit operations: those end at 32 bits.
    for (; rest >= 128; rest = Math.floor(rest / 128)) this.#bytes[end++] = (rest % 128) + 128;
    this.#bytes[end++] = rest;
    return end;
  }
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) bytes++;
  return bytes;
}
