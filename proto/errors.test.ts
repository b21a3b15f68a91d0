import { expect, test } from 'vitest';
import { ERRORS, PeerLabError, reasonOf, toPeerLabError } from './errors.ts';

test('an error says what was expected and what came, and what to do next', () => {
  const error = new PeerLabError('truncated', { about: 'a.bin', expected: '10 bytes', got: '7' });
  expect(error.message).toBe('the stream ended before the file did (a.bin): expected 10 bytes, got 7');
  expect(error.toBody()).toEqual({ code: 'truncated', message: error.message, hint: ERRORS.truncated.next });
});

test('what is unforeseen tells its reason to the log, not to the caller', () => {
  const error = toPeerLabError(new Error('ENOENT: /home/someone/secret'));
  expect(error.code).toBe('internal');
  expect(JSON.stringify(error.toBody())).not.toContain('/home');
  expect(reasonOf(error)).toContain('/home/someone/secret');
});

test('every kind has a status that HTTP and gRPC know', () => {
  for (const { http, grpc, next } of Object.values(ERRORS)) {
    expect(http).toBeGreaterThanOrEqual(400);
    expect(grpc).toBeLessThanOrEqual(16);
    expect(next).not.toBe('');
  }
});
