import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import type { Instance } from '../drivers/driver.ts';
import type { RunEvent, Told } from '../history/run-event.ts';
import { PieceLook } from './piece-look.ts';

const SHA = 'a'.repeat(64);
const mapOf = (map: string) => ({
  ...{ name: 'f', sha256: SHA, size: 30, pieces: map.length, map },
  there: map.replaceAll('0', '').length,
});
/** Says so in turn, and the last thing from then on; counts how often it was asked. */
async function peer(name: string, ...answers: { status: number; body: object }[]) {
  let asked = 0;
  const server = http.createServer((request, response) => {
    expect(request.url).toBe('/control/pieces');
    const { status, body } = answers[Math.min(asked++, answers.length - 1)] ?? { status: 500, body: {} };
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { instance: { name, url: `http://127.0.0.1:${port}` } as Instance, asked: () => asked };
}
const says = (...maps: string[]) => ({ status: 200, body: { contents: maps.map(mapOf) } });
const begins = (id: number, name: string) =>
  ({
    kind: 'operation-began',
    at: 0,
    id,
    step: '1',
    operation: 'download',
    peer: name,
    deadlineSeconds: 9,
  }) as RunEvent;

function look(...instances: Instance[]) {
  const told: Told<'pieces'>[] = [];
  const it = new PieceLook({
    ...{ peers: new Map(instances.map((one) => [one.name, one])), controlToken: 't' },
    tell: async (event) => void told.push(event),
  });
  it.start();
  onTestFinished(() => it.finish());
  return { it, told };
}

test('those whose downloads last are asked, and what is new of their answers is recorded', async () => {
  const [busy, idle] = [
    await peer('busy', says('090'), says('090'), says('099'), { status: 200, body: { contents: [] } }),
    await peer('idle', says('000')),
  ];
  const { it, told } = look(busy.instance, idle.instance);
  it.take(begins(0, 'busy'));
  await expect.poll(() => busy.asked(), { timeout: 15_000 }).toBeGreaterThan(3);
  expect(told.map(({ peer: who, contents }) => [who, contents.map(({ map }) => map)])).toEqual([
    ['busy', ['090']],
    ['busy', ['099']],
  ]);
  expect(idle.asked()).toBe(0);
}, 20_000);

test('who does not know the question, or answers something else, is not asked again', async () => {
  const [old, odd, known] = [
    await peer('old', { status: 404, body: {} }),
    await peer('odd', { status: 200, body: { contents: [{ map: 'x' }] } }),
    await peer('known', says('0')),
  ];
  const { it, told } = look(old.instance, odd.instance, known.instance);
  for (const [id, name] of ['old', 'odd', 'known'].entries()) it.take(begins(id, name));
  await expect.poll(() => known.asked(), { timeout: 15_000 }).toBeGreaterThan(2);
  expect([old.asked(), odd.asked()]).toEqual([1, 1]);
  expect(told.map(({ peer: who }) => who)).toEqual(['known']);
}, 20_000);
