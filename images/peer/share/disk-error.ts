import { type ErrorCode, PeerLabError, toPeerLabError } from '#proto/errors.ts';

/** What the system says when the disk, and not the peer, is at fault. */
const CODES: Record<string, ErrorCode> = {
  ENOSPC: 'disk-full',
  EDQUOT: 'disk-full',
  EROFS: 'share-read-only',
  EACCES: 'share-read-only',
  EPERM: 'share-read-only',
  ENOENT: 'share-gone',
  ENOTDIR: 'share-gone',
  ENODEV: 'share-gone',
  ESTALE: 'share-gone',
};

/** Local trouble with the disk, without a path of the host in its message. */
export function diskError(error: unknown): PeerLabError {
  const got = (error as NodeJS.ErrnoException)?.code ?? '';
  const code = error instanceof PeerLabError ? undefined : CODES[got];
  return code === undefined ? toPeerLabError(error) : new PeerLabError(code, { got, cause: error });
}
