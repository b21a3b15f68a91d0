import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
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
    const peers = named.map((ip) => ({ ip, port: 1, files: [{ name: 'a', size: 1, sha256: 'a'.repeat(64) }] }));
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
    peers: new Map(['p-1', 'p-2'].map((name, i) => [name, { name, url, address: `10.0.0.${i + 1}:1` } as Instance])),
    controlToken: 'token',
    signal: new AbortController().signal,
    now,
    tell: async (told) => void looks.push(told.look),
  });
  const did = (operation: string, peer: string, end: number) =>
    look.take({ kind: 'operation-ended', operation: { operation, peer, outcome: 'ok', end } } as RunEvent);
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
