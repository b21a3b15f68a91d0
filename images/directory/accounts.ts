import { createHmac, randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { Slots } from '#base/slots.ts';
import { PeerLabError } from '#proto/errors.ts';
import { Guesses } from './guesses.ts';
import { hashOfNobody, hashPassword, matchesPassword, type PasswordCost } from './passwords.ts';

export interface AccountsInit {
  /** What a new hash costs. */
  readonly cost: PasswordCost;
  /** Whether the first login of a user creates the account. */
  readonly open: boolean;
  readonly maxAccounts: number;
  /** A clock that never goes back, in milliseconds. */
  readonly now: () => number;
  /** Called for each account that was created. */
  readonly onCreated?: (user: string) => void;
}

export interface LoginAttempt {
  readonly user: string;
  readonly password: string;
  /** Where the attempt comes from, in as much detail as is needed to tell the wrong guesses for a user apart. */
  readonly place: string;
}

/** Each hash holds 19 MiB and a thread of libuv's four; a thousand peers that start at once wait here, some 25 s on 2 cores. */
const HASHES_AT_ONCE = Math.min(4, availableParallelism());
const MAX_WAITING_LOGINS = 2048;

type Change = <T>(work: () => T) => Promise<T>;
const atOnce: Change = async (work) => work();
/** What was found out of the user does not hold any more. */
const OVERTAKEN = Symbol('overtaken');

/** Users and their passwords. */
export class Accounts {
  readonly #init: AccountsInit;
  /** Users and what is kept of their passwords (passwords.ts). */
  readonly #accounts = new Map<string, string>();
  /** Stands in for users that are not there while nobody has an account. */
  readonly #nobody: string;
  readonly #standInKey = randomBytes(32);
  /** The hashes of all accounts, to pick one by a number; made when it is needed. */
  #standIns: readonly string[] | undefined;
  readonly #hashing = new Slots(HASHES_AT_ONCE, MAX_WAITING_LOGINS);
  readonly #guesses: Guesses;

  constructor(init: AccountsInit) {
    this.#init = init;
    this.#nobody = hashOfNobody(init.cost);
    this.#guesses = new Guesses(init.now);
  }

  /** Enters an account that was made before: from the storage, or from a file; the last one given counts. */
  restore(user: string, passwordHash: string): void {
    this.#accounts.set(user, passwordHash);
    this.#standIns = undefined;
  }

  /** Of an account that could not be kept. */
  forget(user: string): void {
    this.#accounts.delete(user);
    this.#standIns = undefined;
  }

  saved(user: string): string | undefined {
    return this.#accounts.get(user);
  }

  users(): Iterable<string> {
    return this.#accounts.keys();
  }

  /**
   * Calls `enter` when the password is the user's, or the user is new and may come. Only when `enter` returns does a new
   * user have an account: a login that is refused for another reason leaves none behind.
   * @param change how the memory is changed (storage/keeping.ts)
   * @throws PeerLabError `wrong-password`, `too-many-guesses`, `directory-full`; `busy` when too many logins wait already; and what `enter` and `change` throw
   */
  async admit<T>(attempt: LoginAttempt, enter: () => T, change: Change = atOnce): Promise<T> {
    const created = await this.#checkInTurn(attempt);
    const entered = await change(() => this.#enter(attempt.user, created, enter));
    // Another first login of this user was quicker: its password counts. Accounts stay, so this happens once at most.
    return entered === OVERTAKEN ? this.admit(attempt, enter, change) : entered;
  }

  #enter<T>(user: string, created: string | undefined, enter: () => T): T | typeof OVERTAKEN {
    const isNew = created !== undefined;
    if (this.#accounts.has(user) === isNew) return OVERTAKEN;
    if (!isNew) return enter();
    const { maxAccounts, onCreated } = this.#init;
    if (this.#accounts.size >= maxAccounts) {
      throw new PeerLabError('directory-full', { expected: `at most ${maxAccounts} accounts` });
    }
    const entered = enter();
    this.#accounts.set(user, created);
    onCreated?.(user);
    return entered;
  }

  async #checkInTurn(attempt: LoginAttempt): Promise<string | undefined> {
    using _place = await this.#hashing.take();
    return await this.#check(attempt);
  }

  /** @returns what is to be kept of the password of a new user; undefined when the user has an account and it fits */
  async #check({ user, password, place }: LoginAttempt): Promise<string | undefined> {
    // Asked when it is this attempt's turn: a thousand guesses that were sent at once are no way around it.
    const guesser = `${user} ${place}`;
    this.#guesses.assertMayTry(guesser);
    const account = this.#accounts.get(user);
    if (account === undefined && this.#init.open) return hashPassword(password, this.#init.cost);
    const matches = await matchesPassword(password, account ?? this.#standInFor(user));
    if (matches && account !== undefined) return undefined;
    this.#guesses.wasWrong(guesser);
    throw new PeerLabError('wrong-password');
  }

  /**
   * What is checked for a user who is not there, so that a refusal takes as long. Accounts may have hashes of different
   * costs, so it is one of theirs, and for a name always the same: who asks again learns nothing from another time.
   */
  #standInFor(user: string): string {
    // Asked only where no login creates accounts, so it is made once.
    this.#standIns ??= [...this.#accounts.values()];
    const number = createHmac('sha256', this.#standInKey).update(user).digest().readUInt32BE();
    return this.#standIns[number % this.#standIns.length] ?? this.#nobody;
  }
}
