import fc from 'fast-check';
import { expect, test } from 'vitest';
import { addressText, canonicalIp, normalAddress, parseAddress } from './addresses.ts';

test.each([
  ['127.0.0.1', ['127.0.0.1', '::ffff:127.0.0.1', '::FFFF:7f00:1', '[::ffff:127.0.0.1]', '0:0:0:0:0:ffff:7f00:1']],
  ['::1', ['::1', '0:0:0:0:0:0:0:1', '[::1]', '::0001', '::1%lo']],
  ['2001:db8::a:0:0:1', ['2001:DB8:0:0:a::1', '2001:0db8:0000:0000:000A:0:0:1']],
  ['fe80::1', ['FE80:0::01', 'fe80::1%eth0']],
])('%s has one spelling', (ip, spellings) => {
  for (const spelling of spellings) expect(canonicalIp(spelling), spelling).toBe(ip);
});

test.each(['', 'localhost', '1.2.3', '1.2.3.4.5', '[127.0.0.1]', '[]', '::1::', '1.2.3.4/8', 'unix:x', '01.2.3.4'])(
  '%j is no IP address',
  (text) => expect(canonicalIp(text)).toBeUndefined(),
);

test('an address and its port, in one string', () => {
  expect(parseAddress('[0:0::1]:7001')).toEqual({ ip: '::1', port: 7001 });
  expect(parseAddress('[::ffff:10.0.0.1]:7001')).toEqual({ ip: '10.0.0.1', port: 7001 });
  expect(parseAddress('10.0.0.1:7001')).toEqual({ ip: '10.0.0.1', port: 7001 });
  const none = [
    '::1:7001',
    '[::1]',
    '[::1]:',
    '[::1]:0',
    '[::1]:65536',
    '[1.2.3.4]:80',
    '1.2.3.4',
    'host:80',
    '[[::1]]:1',
  ];
  for (const text of none) expect(parseAddress(text), text).toBeUndefined();
});

test('what is written is read again, whatever the spelling', () => {
  const port = fc.integer({ min: 1, max: 65_535 });
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), port, (ip, port) => {
      const address = { ip: canonicalIp(ip) as string, port };
      expect(parseAddress(addressText({ ip, port }))).toEqual(address);
      expect(parseAddress(addressText(address))).toEqual(address);
      expect(normalAddress(addressText({ ip: ip.toUpperCase(), port }))).toBe(addressText(address));
    }),
  );
  expect(normalAddress('peer.example:7001')).toBe('peer.example:7001');
});
