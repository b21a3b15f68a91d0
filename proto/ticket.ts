import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { z } from 'zod';

/**
 * A ticket: the directory's word for who a peer is and where it is reached, for other peers to check without asking. It is a
 * JWT (RFC 7519) with the one algorithm EdDSA, so that a peer in any language can check it with a library.
 */

/** Metadata key of a call; the value is `Bearer <ticket>`. */
export const TICKET_METADATA = 'authorization';

export const ticketClaims = z.object({
  /** The user. */
  sub: z.string(),
  /** `ip:port` that the user's peer is registered at. */
  addr: z.string(),
  /** Seconds since 1970. */
  exp: z.number(),
});
export type TicketClaims = z.infer<typeof ticketClaims>;

/** The only header that counts: a ticket that names another algorithm is none. */
export const TICKET_HEADER = Buffer.from('{"alg":"EdDSA","typ":"JWT"}').toString('base64url');

/** Clocks of two machines differ; an expired ticket holds so much longer. */
export const CLOCK_LEEWAY_SECONDS = 30;

/** The key to check tickets with, as the directory gives it; undefined when `text` is none. */
export function ticketKey(text: string): KeyObject | undefined {
  if (!/^[\w-]{43}$/.test(text)) return undefined;
  try {
    return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: text }, format: 'jwk' });
  } catch {
    return undefined;
  }
}

/**
 * What the ticket claims, when one of the keys has signed it; otherwise undefined. Whether it still holds, `secondsOver` says.
 */
export function readTicket(ticket: string, keys: readonly KeyObject[]): TicketClaims | undefined {
  const [header, payload, signature, ...more] = ticket.split('.');
  if (header !== TICKET_HEADER || !payload || !signature || more.length > 0) return undefined;
  const signed = Buffer.from(`${header}.${payload}`);
  const bytes = Buffer.from(signature, 'base64url');
  if (!keys.some((key) => verify(null, signed, key, bytes))) return undefined;
  return ticketClaims.safeParse(parsed(Buffer.from(payload, 'base64url').toString())).data;
}

/**
 * For how long the ticket has been over; 0 while it holds.
 * @param nowSeconds seconds since 1970
 */
export function secondsOver({ exp }: TicketClaims, nowSeconds: number): number {
  const over = nowSeconds - exp;
  return over < CLOCK_LEEWAY_SECONDS ? 0 : over;
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
