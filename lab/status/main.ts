import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { EXIT, unforeseen } from '#proto/errors.ts';
import { lookAround } from './network.ts';
import { createStatusServer } from './server.ts';
import { statusSettings } from './settings.ts';

/** THE STATUS PAGE of a network that stands, such as that of k8s/: peers, and the runs that labs report to it. Says on its first line where it is. */

/** Requests under way end in this time, or are cut off. */
const DRAIN_MS = 2000;

try {
  const settings = statusSettings(process.env);
  const results = mkdtempSync(path.join(tmpdir(), 'peerlab-page-'));
  process.on('exit', () => rmSync(results, { recursive: true, force: true }));
  const server = await createStatusServer({ token: settings.token, results, look: () => lookAround(settings) });
  server.on('error', (error) => {
    process.stderr.write(`The page can not listen at ${settings.host}:${settings.port}: ${error.message}\n`);
    process.exit(EXIT.usage);
  });
  server.listen(settings.port, settings.host, () => {
    const { port } = server.address() as AddressInfo;
    process.stdout.write(`The status page is at http://${settings.host}:${port}/\n`);
  });
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      setTimeout(() => server.closeAllConnections(), DRAIN_MS).unref();
      server.close(() => process.exit());
    });
  }
} catch (error) {
  const { message, hint, kind } = unforeseen(error);
  process.stderr.write(`${message}\n${hint}\n`);
  process.exitCode = kind.exit ?? EXIT.inconclusive;
}
