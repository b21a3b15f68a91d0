import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { TICKET_HEADER } from '#proto/ticket.ts';
import type { Registration } from './registry.ts';

/** A peer that heartbeats has always one that holds for at least half of this; nobody else can use one longer than this. */
export const TICKET_LIFETIME_MS = 5 * 60_000;

/** Signs the tickets that peers show each other. */
export class Tickets {
  /** What peers check tickets with: 32 bytes as base64url. */
  readonly publicKey: string;
  readonly #key: KeyObject;
  /** Signing costs as much as a search, a heartbeat must not: a ticket is given until half of its time is over. */
  readonly #given = new WeakMap<Registration, { ticket: string; renewAtMs: number; tokenHash: string }>();

  private constructor(key: KeyObject) {
    this.#key = key;
    this.publicKey = createPublicKey(key).export({ format: 'jwk' }).x as string;
  }

  /** @param saved a key as `newTicketKey` makes it */
  static withKey(saved: string): Tickets {
    return new Tickets(createPrivateKey({ key: Buffer.from(saved, 'base64'), format: 'der', type: 'pkcs8' }));
  }

  ticketOf(registration: Registration): { ticket: string; ticketKey: string } {
    const nowMs = Date.now();
    const { peer, address, tokenHash } = registration;
    const given = this.#given.get(registration);
    if (given && given.renewAtMs > nowMs && given.tokenHash === tokenHash) {
      return { ticket: given.ticket, ticketKey: this.publicKey };
    }
    const exp = Math.ceil((nowMs + TICKET_LIFETIME_MS) / 1000);
    const ticket = this.#signed({ sub: peer.user, addr: address, exp });
    this.#given.set(registration, { ticket, renewAtMs: nowMs + TICKET_LIFETIME_MS / 2, tokenHash });
    return { ticket, ticketKey: this.publicKey };
  }

  #signed(claims: object): string {
    const text = `${TICKET_HEADER}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}`;
    return `${text}.${sign(null, Buffer.from(text), this.#key).toString('base64url')}`;
  }
}

/** A new key to sign with, as it is saved. */
export function newTicketKey(): string {
  const { privateKey } = generateKeyPairSync('ed25519');
  return privateKey.export({ format: 'der', type: 'pkcs8' }).toString('base64');
}
