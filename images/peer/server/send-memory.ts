import { CHUNK_SIZE_BYTES } from '#proto/peer.ts';

const KIB = 1024;

/** How a stream reads: chunks of what size, and how many of them ahead of the connection. */
interface Shape {
  readonly chunkSizeBytes: number;
  readonly chunks: number;
}

/** From the fastest to the one that everybody gets, however many there are. */
const SHAPES: readonly Shape[] = [
  { chunkSizeBytes: CHUNK_SIZE_BYTES, chunks: 4 },
  { chunkSizeBytes: CHUNK_SIZE_BYTES, chunks: 2 },
  { chunkSizeBytes: 64 * KIB, chunks: 2 },
];
const LAST: Shape = { chunkSizeBytes: 64 * KIB, chunks: 1 };

/** Above what everybody gets. With 256 streams that nobody reads, `LAST` adds 32 MiB to it. */
const BUDGET_BYTES = 12 * KIB * KIB;
/** No stream takes more than this part of what is left, so that the next one finds something too. */
const PART = 1 / 4;

/** Memory for the chunks of all streams that are served: shared out as they begin, held until they end. */
export class SendMemory {
  #leftBytes = BUDGET_BYTES;

  /** @param rangeBytes that are to be sent: a stream needs no more than that */
  take(rangeBytes: number): Shape & Disposable {
    const shape = SHAPES.find((one) => costBytes(one, rangeBytes) <= this.#leftBytes * PART);
    const heldBytes = shape ? costBytes(shape, rangeBytes) : 0;
    this.#leftBytes -= heldBytes;
    return {
      ...fitted(shape ?? LAST, rangeBytes),
      [Symbol.dispose]: () => {
        this.#leftBytes += heldBytes;
      },
    };
  }
}

function fitted({ chunkSizeBytes, chunks }: Shape, rangeBytes: number): Shape {
  const size = Math.min(chunkSizeBytes, rangeBytes);
  return { chunkSizeBytes: size, chunks: Math.min(chunks, Math.max(1, Math.ceil(rangeBytes / Math.max(size, 1)))) };
}

/** grpc-js copies the chunk that it hands to the connection. */
function costBytes(shape: Shape, rangeBytes: number): number {
  const { chunkSizeBytes, chunks } = fitted(shape, rangeBytes);
  return chunkSizeBytes * (chunks + 1);
}
