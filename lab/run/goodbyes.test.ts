import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import type { Instance } from '../drivers/driver.ts';
import type { IndexLook } from '../history/events.ts';
import { seeOff } from './goodbyes.ts';

/** A directory and its peers in one server: each end takes its address from the index, but for those who `stay`. */
async function end(names: string[], { stay = [], hosted = [] }: { stay?: string[]; hosted?: string[] } = {}) {
  const online = new Set(names);
  const stops: string[] = [];
  const asked = { index: 0, metrics: 0 };
  const server = createServer((request, response) => {
    const isIndex = request.url?.endsWith('/control/index');
    asked[isIndex ? 'index' : 'metrics']++;
    const peers = [...online].map((name) => ({ user: name, ip: '10.0.0.1', port: Number(name.at(-1)), files: [] }));
    response.end(isIndex ? JSON.stringify({ peers }) : `peerlab_directory_peers_online ${online.size}\n`);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const peer = (name: string) =>
    ({
      ...{ name, url, address: `10.0.0.1:${name.at(-1)}`, host: hosted.includes(name) ? 'host1' : undefined },
      stop: async () => {
        stops.push(name);
        if (!stay.includes(name)) online.delete(name);
      },
    }) as unknown as Instance;
  const looks: IndexLook[] = [];
  const began = performance.now();
  await seeOff({
    ...{ present: names.map(peer), directories: [{ url } as Instance], controlToken: 't' },
    signal: new AbortController().signal,
    now: () => (performance.now() - began) / 1000,
    tell: async ({ look }) => void looks.push(look),
  });
  return { looks, stops, asked };
}

test('all but one end, and it is asked once who is left; of the last one the directory has one less', async () => {
  const { looks, stops, asked } = await end(['p-1', 'p-2', 'p-3']);
  expect(stops).toEqual(['p-2', 'p-3', 'p-1']);
  expect(looks).toMatchObject([
    { ended: ['p-2', 'p-3'], through: 'p-1', peers: ['10.0.0.1:1'] },
    { ended: ['p-1'], online: { before: 1, after: 0 } },
  ]);
  expect(asked).toEqual({ index: 1, metrics: 2 });
});

test('who stays is waited for as long as the promise is, and no longer', async () => {
  const { looks } = await end(['p-1', 'p-2'], { stay: ['p-1', 'p-2'] });
  expect(looks).toMatchObject([
    { ended: ['p-2'], peers: ['10.0.0.1:1', '10.0.0.1:2'] },
    { ended: ['p-1'], online: { before: 2, after: 2 } },
  ]);
  expect(looks[0]?.start).toBeGreaterThan(1.9);
});

test('hosted peers are asked, and end with their host', async () => {
  const { looks, stops } = await end(['p-1', 'p-2'], { hosted: ['p-2'] });
  expect(stops).toEqual(['p-1']);
  expect(looks).toMatchObject([{ ended: ['p-1'], through: 'p-2', peers: ['10.0.0.1:2'] }]);
  expect((await end([])).looks).toEqual([]);
});
