import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import * as grpc from '@grpc/grpc-js';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { Networks } from '#proto/networks.ts';
import { TICKET_HEADER } from '#proto/ticket.ts';
import { codeOf, TestPeer } from '../testing/test-peer.ts';
import { TicketBook } from './tickets.ts';

const directory = generateKeyPairSync('ed25519');
const another = generateKeyPairSync('ed25519');
const publicText = (key: KeyObject) => key.export({ format: 'jwk' }).x as string;
const now = () => Date.now() / 1000;

function ticketOf(claims: object, key = directory.privateKey, header = TICKET_HEADER): string {
  const text = `${header}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}`;
  return `${text}.${sign(null, Buffer.from(text), key).toString('base64url')}`;
}

const good = () => ({ sub: 'ann', addr: '10.0.0.1:5000', exp: now() + 60 });

function call(authorization: string | undefined, from = '10.0.0.1:40000') {
  const metadata = new grpc.Metadata();
  if (authorization !== undefined) metadata.set('authorization', authorization);
  return { metadata, getPeer: () => from };
}

function book(init: Partial<ConstructorParameters<typeof TicketBook>[0]> = {}): TicketBook {
  const tickets = new TicketBook({ open: false, trusted: undefined, ...init });
  tickets.learn({ ticketKey: publicText(directory.publicKey) });
  return tickets;
}

const admitted = (tickets: TicketBook, authorization: string | undefined, from?: string) => {
  try {
    tickets.admit(call(authorization, from));
    return 'ok';
  } catch (error) {
    return (error as { code: string }).code;
  }
};

describe('a closed peer', () => {
  test('admits who shows a ticket of its directory, as often as it likes', () => {
    const tickets = book();
    const ticket = ticketOf(good());
    for (let i = 0; i < 3; i++) expect(admitted(tickets, `Bearer ${ticket}`)).toBe('ok');
  });

  const none = Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url');
  const wrong: Record<string, () => string | undefined> = {
    nothing: () => undefined,
    'no bearer': () => ticketOf(good()),
    garbage: () => 'Bearer garbage',
    'three empty parts': () => 'Bearer ..',
    'of another directory': () => `Bearer ${ticketOf(good(), another.privateKey)}`,
    'without a signature': () => `Bearer ${ticketOf(good()).replace(/\.[^.]+$/, '.')}`,
    'whose claims were changed': () => {
      const [head, , signature] = ticketOf(good()).split('.');
      const claims = Buffer.from(JSON.stringify({ ...good(), sub: 'eve' })).toString('base64url');
      return `Bearer ${head}.${claims}.${signature}`;
    },
    'of another algorithm': () => `Bearer ${ticketOf(good(), directory.privateKey, none)}`,
    expired: () => `Bearer ${ticketOf({ ...good(), exp: now() - 60 })}`,
    'without an address': () => `Bearer ${ticketOf({ sub: 'ann', exp: now() + 60 })}`,
    'of another address': () => `Bearer ${ticketOf({ ...good(), addr: '10.0.0.2:5000' })}`,
    'of loopback, from elsewhere': () => `Bearer ${ticketOf({ ...good(), addr: '127.0.0.1:5000' })}`,
  };
  test.each(Object.keys(wrong))('refuses a ticket: %s', (what) => {
    expect(admitted(book(), wrong[what]?.())).toBe('ticket-refused');
  });

  test('takes all loopback addresses for one, and the networks that it trusts for any', () => {
    const loopback = `Bearer ${ticketOf({ ...good(), addr: '127.0.0.2:5000' })}`;
    expect(admitted(book(), loopback, '127.0.0.1:40000')).toBe('ok');
    const trusted = Networks.parse('192.168.0.0/16');
    expect(admitted(book({ trusted }), `Bearer ${ticketOf(good())}`, '192.168.1.1:40000')).toBe('ok');
    expect(admitted(book({ trusted }), `Bearer ${ticketOf(good())}`, '192.169.1.1:40000')).toBe('ticket-refused');
  });

  test('admits nobody before it knows a key, and the tickets of the key before the last', () => {
    const tickets = new TicketBook({ open: false, trusted: undefined });
    const ticket = `Bearer ${ticketOf(good())}`;
    expect(admitted(tickets, ticket)).toBe('ticket-refused');
    tickets.learn({ ticketKey: 'no key' });
    expect(admitted(tickets, ticket)).toBe('ticket-refused');
    tickets.learn({ ticketKey: publicText(directory.publicKey) });
    tickets.learn({ ticketKey: publicText(another.publicKey) });
    expect(admitted(tickets, ticket)).toBe('ok');
    tickets.learn({ ticketKey: publicText(generateKeyPairSync('ed25519').publicKey) });
    expect(admitted(tickets, ticket)).toBe('ticket-refused');
  });
});

test('an open peer asks nobody', () => {
  expect(admitted(new TicketBook({ open: true, trusted: undefined }), undefined)).toBe('ok');
});

test('both calls of a closed peer are refused without a ticket, and nothing is stored', async () => {
  await using closed = await TestPeer.start({ PEER_OPEN: '0' }, { 'a.txt': 'hello' });
  await using caller = await TestPeer.start({}, { 'b.txt': 'bytes' });
  const fetched = await caller.control('download', { name: 'a.txt', from: closed.address });
  expect(codeOf(fetched)).toBe('ticket-refused');
  const stored = await caller.control('upload', { name: 'b.txt', to: closed.address });
  expect(codeOf(stored)).toBe('ticket-refused');
  expect(await closed.metrics()).toMatch(/^peerlab_share_files 1$/m);
});

describe('clocks that differ', () => {
  const HOUR = 3600;
  const refusalOf = (tickets: TicketBook, ticket: string) => {
    try {
      tickets.admit(call(`Bearer ${ticket}`));
      return '';
    } catch (error) {
      return (error as Error).message;
    }
  };
  afterEach(() => {
    vi.restoreAllMocks();
  });

  test.each([HOUR, -HOUR])('a clock here that is off by %d s refuses nobody', (off) => {
    const tickets = book();
    const real = Date.now();
    tickets.hear(real);
    const ticket = ticketOf(good());
    vi.spyOn(Date, 'now').mockReturnValue(real + off * 1000);
    expect(refusalOf(tickets, ticket)).toBe('');
  });

  test('a ticket that is over says by how much, by whose clock, and how far off the one here is', () => {
    const old = ticketOf({ ...good(), exp: now() - 100 });
    const tickets = book();
    expect(refusalOf(tickets, old)).toContain("one that ended 100 s ago by this peer's clock");
    const real = Date.now();
    tickets.hear(real);
    expect(refusalOf(tickets, old)).toMatch(/one that ended 100 s ago by the directory's clock$/);
    vi.spyOn(Date, 'now').mockReturnValue(real + HOUR * 1000);
    expect(refusalOf(tickets, old)).toContain("by the directory's clock; this peer's clock is 3600 s ahead of it");
    vi.spyOn(Date, 'now').mockReturnValue(real - HOUR * 1000);
    expect(refusalOf(tickets, old)).toContain("this peer's clock is 3600 s behind it");
  });
});
