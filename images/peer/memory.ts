import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * Content on its way is memory outside of the JavaScript heap, a gigabyte of it for each gigabyte moved and more. Left to itself, V8 looks at it
 * only when there are 64 MiB more than after the last collection, or begins to mark step by step, which costs every write a barrier for the rest of the
 * transfer. So marking is done in one go (a peer's heap is small: about 10 ms), and begun here. docs/transfers.md has the figures.
 */

const MIB = 1024 * 1024;
/** How often the memory is looked at. */
const LOOK_EVERY_BYTES = 2 * MIB;
/** Heap and content together: below that nothing is collected early. With 10 MiB less a transfer takes a tenth longer. */
const ENOUGH_BYTES = 64 * MIB;
/** What may come on top of what was in use after the last full collection: at least so much, and more where a collection costs more. */
const GROWTH_BYTES = 8 * MIB;
const GROWTH = 1 / 8;

let unseenBytes = 0;
let limitBytes = ENOUGH_BYTES;
let collect: Collect | undefined;

type Collect = (how: { type: 'minor' | 'major' }) => void;

/**
 * For a process that is a peer, when all its modules are loaded. Set earlier, a flag spoils what Node keeps of compiled code
 * (NODE_COMPILE_CACHE): the modules that come after it are refused by the next process, which writes them all again as it ends.
 */
export function markInOneGo(): void {
  setFlagsFromString('--no-incremental-marking');
}

/** Told of all content that this process sends or receives: frees what nobody uses any more before it becomes much. */
export function contentMoved(bytes: number): void {
  unseenBytes += bytes;
  if (unseenBytes < LOOK_EVERY_BYTES) return;
  unseenBytes = 0;
  if (inUseBytes() < limitBytes) return;
  collect ??= exposed();
  // Most of it is young, and that costs a tenth of a full collection.
  collect({ type: 'minor' });
  if (inUseBytes() < limitBytes) return;
  collect({ type: 'major' });
  const left = inUseBytes();
  limitBytes = Math.max(ENOUGH_BYTES, left + Math.max(GROWTH_BYTES, left * GROWTH));
}

function inUseBytes(): number {
  const { heapTotal, arrayBuffers } = process.memoryUsage();
  return heapTotal + arrayBuffers;
}

/** What Node's `--expose-gc` gives, however this process was started. */
function exposed(): Collect {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc');
}
