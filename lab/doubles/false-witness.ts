import { createHash } from 'node:crypto';
import { symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { LOGIN_FROM } from '#proto/directory-api.ts';
import { PeerLabError } from '#proto/errors.ts';
import { type Counters, settings, startDouble, success } from './double.ts';

/**
 * A peer that does something else than it says, in one way for each verb: it finds a peer and a file that never were, stores other
 * bytes than those asked for, counts bytes that did not come, ignores SIGTERM after loadfiles, ends by itself after a
 * logout, leaves a symbolic link in its share if `DOUBLE_LINK` has a name for it, and tells of a login from `DOUBLE_SEEN_AT`.
 */

/** The size of every file that it stores: what asks it for files of this size gets the right number of wrong bytes. */
const SIZE_BYTES = 64 * 1024;
const CONTENT = Buffer.alloc(SIZE_BYTES, 'lies');
const SHA256 = createHash('sha256').update(CONTENT).digest('hex');
/** Long enough for the answer to get out. */
const EXIT_AFTER_MS = 100;

const counters: Counters = { sent: 0, received: 0 };
const ghost = { user: 'ghost', ip: '127.0.0.1', port: 1 };

startDouble(
  {
    login: () => {
      const { DOUBLE_LINK, DOUBLE_SEEN_AT } = process.env;
      if (DOUBLE_SEEN_AT)
        throw new PeerLabError('address-not-yours', {
          about: settings.PEER_HOST,
          got: `${LOGIN_FROM}${DOUBLE_SEEN_AT}`,
        });
      if (DOUBLE_LINK) symlinkSync('/etc/passwd', path.join(settings.PEER_SHARE_DIR, DOUBLE_LINK));
      return { leaseSeconds: 30 };
    },
    index: () => ({ peers: [{ ...ghost, files: [{ name: 'ghost.bin', size: SIZE_BYTES, sha256: SHA256 }] }] }),
    search: () => ({
      results: [{ name: 'ghost.bin', size: SIZE_BYTES, sha256: SHA256, peers: [{ ...ghost, name: 'ghost.bin' }] }],
    }),
    download: ({ name }) => {
      counters.received += SIZE_BYTES;
      writeFileSync(path.join(settings.PEER_SHARE_DIR, path.basename(name)), CONTENT);
      return success(name, SIZE_BYTES, SHA256);
    },
    upload: ({ name }) => {
      counters.received += SIZE_BYTES;
      throw new PeerLabError('file-not-found', { about: name });
    },
    loadfiles: () => {
      process.removeAllListeners('SIGTERM').on('SIGTERM', () => {});
      return { files: 0 };
    },
    logout: () => {
      setTimeout(() => process.exit(0), EXIT_AFTER_MS);
      return {};
    },
  },
  counters,
);
