import { argon2, randomBytes, timingSafeEqual } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { promisify } from 'node:util';
import { PeerLabError } from '#proto/errors.ts';
import { Gate } from './gate.ts';

interface Account {
  salt: Buffer;
  hash: Buffer;
}

/** OWASP's lowest recommended cost of argon2id: 19 MiB (here in KiB), two passes, one lane. */
const COST = { memory: 19 * 1024, passes: 2, parallelism: 1, tagLength: 32 };

/** Each hash holds 19 MiB and a thread of libuv's four; a thousand peers that start at once wait here, some 20 s on 2 cores. */
const HASHING = { maxRunning: Math.min(4, availableParallelism()), maxWaiting: 2048 };

const argon2Async = promisify(argon2);

/** Users and their passwords. The first login of a user creates the account. */
export class Accounts {
  readonly #accounts = new Map<string, Account>();
  readonly #gate = new Gate(HASHING);

  /**
   * Returns when `password` is the user's, or the user is new and it is theirs from now on.
   * @throws PeerLabError `wrong-password`; `busy` when too many logins wait already
   */
  async authenticate(user: string, password: string): Promise<void> {
    const salt = this.#accounts.get(user)?.salt ?? randomBytes(16);
    const hash = await this.#gate.run(() => argon2Async('argon2id', { ...COST, message: password, nonce: salt }));

    const account = this.#accounts.get(user);
    if (!account) {
      this.#accounts.set(user, { salt, hash });
      return;
    }
    // Another first login of this user was quicker: its password counts. Accounts stay, so this happens once at most.
    if (account.salt !== salt) return this.authenticate(user, password);
    if (!timingSafeEqual(account.hash, hash)) throw new PeerLabError('wrong-password');
  }
}
