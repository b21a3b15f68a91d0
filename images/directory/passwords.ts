import { argon2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

/** What one hash costs: memory in KiB, passes over it, lanes. */
export interface PasswordCost {
  readonly memoryKiB: number;
  readonly passes: number;
  readonly parallelism: number;
}

/** OWASP's lowest recommended cost of argon2id; a setting can raise it. */
export const LOWEST_COST: PasswordCost = { memoryKiB: 19 * 1024, passes: 2, parallelism: 1 };

const SALT_BYTES = 16;
const HASH_BYTES = 32;
/** What a file of accounts may ask for: more would let one login stop the directory. */
const HIGHEST_COST: PasswordCost = { memoryKiB: 1024 * 1024, passes: 64, parallelism: 16 };

const argon2Async = promisify(argon2);

/** The hash in the common text form, `$argon2id$v=19$m=19456,t=2,p=1$<salt>$<hash>`: it says by itself what it takes to check it. */
export async function hashPassword(password: string, cost: PasswordCost): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  return textOf(cost, salt, await hashOf(password, cost, salt, HASH_BYTES));
}

/** A hash that no password is known for. */
export function hashOfNobody(cost: PasswordCost): string {
  return textOf(cost, randomBytes(SALT_BYTES), randomBytes(HASH_BYTES));
}

/** @param saved as `hashPassword` makes it, or another program that knows the form */
export async function matchesPassword(password: string, saved: string): Promise<boolean> {
  const parsed = parseHash(saved);
  if (!parsed) return false;
  const { cost, salt, hash } = parsed;
  return timingSafeEqual(hash, await hashOf(password, cost, salt, hash.length));
}

export function isPasswordHash(text: string): boolean {
  return parseHash(text) !== undefined;
}

export function isCostAllowed(cost: PasswordCost): boolean {
  const keys = ['memoryKiB', 'passes', 'parallelism'] as const;
  return keys.every((key) => cost[key] >= LOWEST_COST[key] && cost[key] <= HIGHEST_COST[key]);
}

function hashOf(password: string, cost: PasswordCost, salt: Buffer, tagLength: number): Promise<Buffer> {
  const { memoryKiB: memory, passes, parallelism } = cost;
  return argon2Async('argon2id', { memory, passes, parallelism, tagLength, message: password, nonce: salt });
}

function textOf({ memoryKiB, passes, parallelism }: PasswordCost, salt: Buffer, hash: Buffer): string {
  const base64 = (bytes: Buffer) => bytes.toString('base64').replace(/=+$/, '');
  return `$argon2id$v=19$m=${memoryKiB},t=${passes},p=${parallelism}$${base64(salt)}$${base64(hash)}`;
}

const HASH_TEXT =
  /^\$argon2id\$v=19\$m=(\d{1,8}),t=(\d{1,4}),p=(\d{1,3})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/;

function parseHash(text: string): { cost: PasswordCost; salt: Buffer; hash: Buffer } | undefined {
  const [, memory, passes, parallelism, salt, hash] = HASH_TEXT.exec(text) ?? [];
  if (salt === undefined || hash === undefined) return undefined;
  const cost = { memoryKiB: Number(memory), passes: Number(passes), parallelism: Number(parallelism) };
  const keys = ['memoryKiB', 'passes', 'parallelism'] as const;
  if (keys.some((key) => cost[key] < 1 || cost[key] > HIGHEST_COST[key])) return undefined;
  return { cost, salt: Buffer.from(salt, 'base64'), hash: Buffer.from(hash, 'base64') };
}
