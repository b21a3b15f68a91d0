import { describe, expect, test } from 'vitest';
import { mayDial, mayRegister, Networks } from './networks.ts';

describe('networks', () => {
  test.each(['10.0.0.0/8', '10.1.2.3', '10.0.0.0/8, fd00::/8', '::1', '0.0.0.0/0'])('reads %j', (text) => {
    expect(Networks.parse(text)).toBeDefined();
  });
  test.each([
    '',
    ',',
    '10.0.0.0/33',
    '10.0.0/8',
    'fd00::/129',
    'localhost',
    '10.0.0.0/8,',
    'fe80::1%eth0',
    '10.0.0.0/-1',
  ])('does not read %j', (text) => {
    expect(Networks.parse(text)).toBeUndefined();
  });
  test('hold what lies in them', () => {
    const networks = Networks.parse('10.0.0.0/8, fd00::/8, 192.168.1.7') as Networks;
    for (const ip of ['10.255.0.1', 'fd12::1', '192.168.1.7']) expect(networks.has(ip), ip).toBe(true);
    for (const ip of ['::ffff:10.1.1.1', 'FD12:0::1']) expect(networks.has(ip), ip).toBe(true);
    expect((Networks.parse('::ffff:10.0.0.0/104') as Networks).has('10.1.1.1')).toBe(true);
    expect((Networks.parse('::1/128') as Networks).has('0:0::1')).toBe(true);
    expect((Networks.parse('::ffff:10.0.0.0/104') as Networks).has('11.1.1.1')).toBe(false);
    for (const ip of ['11.0.0.1', 'fe00::1', '192.168.1.8', '127.0.0.1']) expect(networks.has(ip), ip).toBe(false);
  });
});

test('a peer registers the address that it comes from, or one in a network that is trusted', () => {
  const trusted = Networks.parse('10.0.0.0/8');
  expect(mayRegister('127.0.0.1', '127.0.0.1', undefined)).toBe(true);
  expect(mayRegister('127.0.0.9', '127.0.0.1', undefined)).toBe(false);
  expect(mayRegister('10.1.1.1', '192.0.2.1', trusted)).toBe(true);
  expect(mayRegister('192.0.2.2', '10.1.1.1', trusted)).toBe(false);
  expect(mayRegister('127.0.0.1', undefined, undefined)).toBe(false);
});

test('a peer dials what can have been the address of another peer', () => {
  const near = ['127.0.0.1', '10.0.0.5'];
  for (const ip of ['127.0.0.1', '10.0.0.9', '192.0.2.1', '2001:db8::1', '::ffff:127.0.0.1']) {
    expect(mayDial(ip, near, undefined), ip).toBe(true);
  }
  const never = ['127.0.0.9', '::1', '0.0.0.0', '::', '169.254.169.254', 'fe80::1', '224.0.0.1', '255.255.255.255'];
  for (const ip of [...never, 'localhost', '::ffff:127.0.0.9', '::ffff:169.254.169.254']) {
    expect(mayDial(ip, near, undefined), ip).toBe(false);
  }
  expect(mayDial('127.0.0.9', near, Networks.parse('127.0.0.0/8'))).toBe(true);
});
