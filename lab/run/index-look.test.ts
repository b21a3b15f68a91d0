import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Instance } from '../drivers/driver.ts';
import type { FaultKind, IndexLook as Look } from '../history/events.ts';
import type { RunEvent } from '../history/run-event.ts';
import type { PlannedStep } from '../steps/step.ts';
import { endsListings, IndexLook } from './index-look.ts';

let server: Server;
let asked: number;
let named: string[];
beforeEach(async () => {
  asked = 0;
  named = [];
  server = createServer((request, response) => {
    asked++;
    request.resume();
    const peers = named.map((ip) => ({
      user: ip,
      ip,
      port: 1,
      files: [{ name: 'a', size: 1, sha256: 'a'.repeat(64) }],
    }));
    named.pop(); // Who is named last has gone at the next question.
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ peers }));
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  const closed = new Promise((resolve) => server.close(resolve));
  server.closeAllConnections();
  await closed;
});

function make(now: () => number = () => 100) {
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const looks: Look[] = [];
  const look = new IndexLook({
    directories: ['directory'],
    peers: new Map(['p-1', 'p-2'].map((name, i) => [name, { name, url, address: `10.0.0.${i + 1}:1` } as Instance])),
    controlToken: 'token',
    signal: new AbortController().signal,
    now,
    tell: async (told) => void looks.push(told.look),
  });
  const did = (operation: string, peer: string, end: number) =>
    look.take({
      kind: 'operation-ended',
      operation: { operation, peer, outcome: 'ok', end, ...(operation === 'download' && { file: 'a' }) },
    } as RunEvent);
  const begins = (fault: FaultKind, who: string) => look.take({ kind: 'fault-begun', fault, who } as RunEvent);
  const ends = (kind: FaultKind, who: string) => look.take({ kind: 'fault-ended', record: { kind, who } } as RunEvent);
  return { look, looks, did, begins, ends };
}

test('who has a fault is not asked, until it has ended', async () => {
  const { look, looks, did, begins, ends } = make();
  did('login', 'p-1', 1);
  begins('freeze', 'p-1');
  begins('limit', 'p-1');
  await look.look();
  ends('freeze', 'p-1');
  await look.look();
  expect(looks).toEqual([]);
  ends('limit', 'p-1');
  await look.look();
  expect(looks).toMatchObject([{ through: 'p-1', entries: [] }]);
});

test('who was killed is asked again after a login only', async () => {
  const { look, looks, did, begins, ends } = make();
  did('login', 'p-1', 1);
  begins('kill', 'p-1');
  ends('kill', 'p-1');
  await look.look();
  expect(looks).toEqual([]);
  did('login', 'p-1', 2);
  await look.look();
  expect(looks).toHaveLength(1);
});

test('after a logout it looks until the peer is gone', async () => {
  const { look, looks, did } = make(() => 9.5);
  did('login', 'p-1', 1);
  did('login', 'p-2', 1);
  await look.look();
  did('logout', 'p-2', 9);
  named = ['10.0.0.2'];
  asked = 0;
  await look.look();
  expect(asked).toBe(2);
  expect(looks[1]).toMatchObject({ through: 'p-1', entries: [] });
});

describe('before a logout', () => {
  const both = () => {
    const made = make();
    for (const peer of ['p-1', 'p-2']) made.did('login', peer, 1);
    return made;
  };
  /** `named` is asked for twice: who is named last has gone at the next question. */
  const publish = (...ips: string[]) => named.push(...ips, '10.0.0.8', '10.0.0.9');

  test('it asks another peer, once for all whose files are named', async () => {
    const { look, looks, did } = both();
    expect(await look.lookBefore('p-1')).toBe(false); // It has received nothing.
    did('download', 'p-1', 99.9);
    did('download', 'p-2', 99.9);
    publish('10.0.0.1', '10.0.0.2');
    expect(await Promise.all([look.lookBefore('p-1'), look.lookBefore('p-2')])).toEqual([true, false]);
    expect(asked).toBe(1);
    expect(looks).toMatchObject([{ through: 'p-2', entries: expect.arrayContaining([]) }]);
  });

  test('it waits for what was received, as long as the promise is', async () => {
    const began = performance.now();
    const { look, looks, did } = make(() => 99 + (performance.now() - began) / 1000);
    for (const peer of ['p-1', 'p-2']) did('login', peer, 1);
    did('download', 'p-1', 98);
    publish('10.0.0.2');
    await look.lookBefore('p-1');
    expect(looks).toHaveLength(1);
    expect(looks[0]?.start).toBeGreaterThanOrEqual(100);
    // It was seen missing: there is nothing more to see.
    await look.lookBefore('p-1');
    expect(looks).toHaveLength(1);
  });

  test('it is asked itself when nobody else is there; who has a fault is not looked at', async () => {
    const { look, looks, did, begins } = make();
    did('login', 'p-1', 1);
    did('download', 'p-1', 1);
    begins('limit', 'p-1');
    await look.lookBefore('p-1');
    expect(asked).toBe(0);
    const alone = make();
    alone.did('login', 'p-1', 1);
    alone.did('download', 'p-1', 1);
    await alone.look.lookBefore('p-1');
    expect(looks).toEqual([]);
    expect(alone.looks).toMatchObject([{ through: 'p-1' }]);
  });

  test('there is an end to it', async () => {
    const { look, looks, did } = both();
    for (let i = 0; i < 30; i++) {
      did('download', 'p-1', 1);
      await look.lookBefore('p-1');
    }
    expect(looks).toHaveLength(20);
  });
});

test('a step in which a peer logs out or ends, however deep, ends listings; the end of the directory does not', () => {
  const common = { id: '1', label: '' };
  const fault = (kind: 'kill' | 'stop' | 'freeze', peer: string): PlannedStep => ({
    ...common,
    ...{ does: 'fault', fault: { kind }, who: [{ peer, atMs: 0 }] },
  });
  const operation = (verb: 'logout' | 'login'): PlannedStep => {
    const operations = [{ peer: 'p-1', verb, request: {}, timeoutMs: 1 }];
    return { ...common, does: 'operations', concurrency: 1, flows: [{ peer: 'p-1', atMs: 0, operations }] };
  };
  const within = (step: PlannedStep): PlannedStep => ({
    ...common,
    does: 'parallel',
    branches: [[operation('login')], [{ ...common, does: 'repeat', rounds: [[step]] }]],
    atMs: [0, 0],
  });
  for (const step of [operation('logout'), fault('kill', 'p-1'), fault('stop', 'p-1')]) {
    expect(endsListings(step)).toBe(true);
    expect(endsListings(within(step))).toBe(true);
  }
  for (const step of [operation('login'), fault('kill', 'directory'), fault('freeze', 'p-1')])
    expect(endsListings(within(step))).toBe(false);
});
