import { expect, test } from 'vitest';
import { LOGIN_FROM } from '#proto/directory-api.ts';
import { PeerLabError } from '#proto/errors.ts';
import type { OperationEvent } from '../history/events.ts';
import type { History } from './history.ts';
import { ownAddresses } from './own-addresses.ts';

const GATEWAY = '172.18.0.1';
const refused = (from: string): Partial<OperationEvent> => {
  const { code, message } = new PeerLabError('address-not-yours', { about: '172.18.0.3', got: `${LOGIN_FROM}${from}` });
  return { outcome: 'failed', error: { code, message, definite: true } };
};
const judge = (...logins: Partial<OperationEvent>[]) =>
  ownAddresses.judge({
    facts: { peers: [3, 4].map((n) => ({ name: `a-${n}`, group: 'a', address: `172.18.0.${n}:50051` })) },
    events: logins.map((more, id) => ({ id, operation: 'login', peer: 'a-3', outcome: 'ok', ...more })),
  } as unknown as History);

test('logins that all come from where no peer is are translated by the machine: nobody is blamed', () => {
  expect(judge(refused(GATEWAY), refused(GATEWAY))).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringMatching(
      /^this machine translates addresses: the directory saw a-3 at 172\.18\.0\.1, where no/,
    ),
  });
  expect(judge(refused('fd00::1')).verdict).toBe('inconclusive');
});

test('a peer that says a wrong address, or is refused for something else, is to blame', () => {
  expect(judge(refused('172.18.0.4')).verdict).toBe('pass');
  expect(judge(refused('nowhere')).verdict).toBe('pass');
  expect(judge(refused(GATEWAY), {}).verdict).toBe('pass');
  const error = { code: 'wrong-password', message: `${LOGIN_FROM}${GATEWAY}`, definite: true };
  expect(judge({ outcome: 'failed', error }).verdict).toBe('pass');
  expect(judge().verdict).toBe('pass');
});
