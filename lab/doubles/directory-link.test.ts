import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import { MIN_HEARTBEAT_MS } from '#proto/lease.ts';
import { DirectoryLink } from './directory-link.ts';

test.each([[0.001], [0], [-1], [null], ['soon']])(
  'a lease of %j brings no flood of heartbeats',
  async (leaseSeconds) => {
    let heartbeats = 0;
    const directory = createServer((request, response) => {
      if (request.url === '/heartbeat') heartbeats++;
      request.resume().on('end', () => response.end(JSON.stringify({ token: 't', leaseSeconds })));
    });
    await new Promise<void>((resolve) => directory.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      vi.unstubAllEnvs();
      directory.closeAllConnections();
      directory.close();
    });
    vi.stubEnv('PEER_DIRECTORY_URL', `http://127.0.0.1:${(directory.address() as AddressInfo).port}`);
    vi.stubEnv('PEER_ADVERTISE', '127.0.0.1:1');
    const link = new DirectoryLink();
    await link.login([]);
    const began = performance.now();
    while (heartbeats < 2) await sleep(5);
    expect(performance.now() - began).toBeGreaterThan(MIN_HEARTBEAT_MS);
    await link.logout();
  },
);
