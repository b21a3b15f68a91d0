import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express, { type Express } from 'express';

/**
 * What the directory is compared with, in a process of its own: bare express that answers a constant (GET and POST), and
 * a constant behind the directory's own chassis: routing, metrics, the check of the token, and the way in which answers
 * are sent, so that only the search itself is what differs. Prints both ports.
 */

/** Benchmarks run what was built. */
const built = (path: string) => import(new URL(`../../dist/${path}`, import.meta.url).href);
const { sendJson, startHttpService } = await built('images/base/http-service.js');
const { createLogger } = await built('images/base/logger.js');
const { createMetrics } = await built('images/base/metrics.js');
await built('images/directory/memory.js');
const { Registry } = await built('images/directory/registry.js');
const { peerOf } = await built('images/directory/routes.js');
const { tokenHash } = await built('images/directory/tokens.js');

const ANSWER = {
  results: [
    {
      name: 'file-0500-50.bin',
      size: 1024,
      sha256: 'a'.repeat(64),
      peers: [{ user: 'user-0500', ip: '127.0.0.1', port: 20_500, name: 'file-0500-50.bin' }],
    },
  ],
};

const bare = express();
bare.get('/search', (_req, res) => void res.json(ANSWER));
bare.post('/heartbeat', (_req, res) => void res.json({ leaseSeconds: 30 }));
const bareServer = createServer(bare).listen(0, '127.0.0.1');

const registry = new Registry({
  ...{ leaseMs: 3_600_000, tokenMs: 3_600_000, now: () => performance.now() },
  limits: { peers: 10, peersPerUser: 10, files: 10 },
});
registry.register({ user: 'bench', ip: '127.0.0.1', port: 1 }, [], tokenHash('bench-token'));
const metrics = createMetrics('directory');
const requests = metrics.counter('peerlab_directory_requests_total');
const seconds = metrics.histogram('peerlab_directory_request_seconds');
const constant = await startHttpService(
  {
    ...{ logger: createLogger('bench', 'silent'), registry: metrics.registry, isReady: () => true, logRequests: false },
    observe: (endpoint: string, method: string, status: number, took: number) => {
      requests.inc({ endpoint, method, status });
      seconds.observe({ endpoint }, took);
    },
    routes: (app: Express) => {
      app.get('/search', (req, res) => {
        peerOf(req, registry);
        sendJson(res, ANSWER);
      });
    },
  },
  '127.0.0.1',
  0,
);
console.log(JSON.stringify({ bare: (bareServer.address() as AddressInfo).port, constant: constant.port }));
