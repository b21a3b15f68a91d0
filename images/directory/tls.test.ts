import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { readConfig } from '#base/config.ts';
import { DIRECTORY_ENV } from '#proto/env.ts';
import { settingsOf } from './settings.ts';
import { TestDirectory } from './testing/test-directory.ts';

// A certificate for 127.0.0.1 that nobody outside of these tests trusts.
const path = (name: string) => fileURLToPath(new URL(`../base/testing/${name}`, import.meta.url));
const CERT = path('tls-cert.pem');
const KEY = path('tls-key.pem');

function ask(port: number, ca?: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path: '/healthz', agent: false, ...(ca && { ca }) }, (response) =>
      text(response).then(resolve, reject),
    );
    sent.on('error', reject).end();
  });
}

it('speaks HTTPS, and only that, with the certificate of its settings', async () => {
  const config = readConfig(DIRECTORY_ENV, { DIRECTORY_TLS_CERT: CERT, DIRECTORY_TLS_KEY: KEY });
  const { tls } = await settingsOf(config);
  await using directory = await TestDirectory.start({ tls });
  expect(await ask(directory.port, readFileSync(CERT))).toBe('{"status":"ok"}');
  await expect(ask(directory.port)).rejects.toThrow(/self-signed|unable to verify/);
  await expect(directory.ask('/healthz')).rejects.toThrow();
});

it.each([
  [{ DIRECTORY_TLS_CERT: CERT }, /certificate and key/],
  [{ DIRECTORY_TLS_CERT: '/nowhere', DIRECTORY_TLS_KEY: KEY }, /DIRECTORY_TLS_CERT.*ENOENT/],
  [{ DIRECTORY_ACCOUNTS_FILE: KEY }, /line 1/],
  [{ DIRECTORY_PASSWORD_MEMORY: '1MiB' }, /at least 19456 KiB/],
  [{ DIRECTORY_PASSWORD_PASSES: '1' }, /2 passes/],
])('a wrong setting is told: %j', async (env, message) => {
  const attempt = settingsOf(readConfig(DIRECTORY_ENV, env));
  await expect(attempt).rejects.toMatchObject({ code: 'bad-setting', message: expect.stringMatching(message) });
});
