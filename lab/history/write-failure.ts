import { PeerLabError, reasonOf } from '#proto/errors.ts';

const NO_ROOM = new Set(['ENOSPC', 'EDQUOT']);

/** What it means that something could not be written: `disk-full`, or `otherwise` with the system's reason. */
export function writeFailure(
  error: unknown,
  about: string,
  otherwise: 'results-unusable' | 'results-lost',
): PeerLabError {
  if (error instanceof PeerLabError) return error;
  const isFull = NO_ROOM.has((error as NodeJS.ErrnoException).code ?? '');
  return new PeerLabError(isFull ? 'disk-full' : otherwise, { about, got: reasonOf(error), cause: error });
}
