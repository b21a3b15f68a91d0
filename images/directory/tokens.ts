import { hash, randomBytes } from 'node:crypto';

/** A new bearer token: 256 random bits, base64url. */
export function newToken(): string {
  return randomBytes(32).toString('base64url');
}

/** What is kept of a token: who reads the directory's memory or storage can't log in with it. */
export function tokenHash(token: string): string {
  return hash('sha256', token, 'base64url');
}
