import { expect, test } from 'vitest';
import type { Instance, NetworkConditions } from '../driver.ts';
import { commandsFor, dropRules, hostOf, shaping } from './rules.ts';

const AROUND = { gateway: '10.0.0.1', witness: '10.0.0.9', mtuBytes: 1500 };
const NONE: NetworkConditions = {
  cutFrom: undefined,
  lossFraction: undefined,
  upBytesPerSecond: undefined,
  downBytesPerSecond: undefined,
  delay: undefined,
};
const drops = (more: Partial<NetworkConditions>) => dropRules({ ...NONE, ...more }, AROUND);
const shapes = (more: Partial<NetworkConditions>) =>
  shaping({ ...NONE, ...more }, AROUND).map(({ argv, mayFail }) => `${mayFail ? '(' : ''}${argv.join(' ')}`);

test('without conditions everything is taken away, whether it was there or not', () => {
  expect(drops({})).toBe('table inet peerlab\ndelete table inet peerlab\n');
  expect(shapes({}).every((line) => line.startsWith('('))).toBe(true);
  expect(commandsFor(NONE, AROUND)[0]).toMatchObject({ argv: ['nft', '-f', '-'] });
});

test('a cut drops both ways; the lab and what is measured with come before it', () => {
  const lines = drops({ cutFrom: 'all' }).split('\n');
  expect(lines.filter((line) => line === 'drop')).toHaveLength(2);
  for (const before of [
    'ip saddr 10.0.0.1 accept',
    'ip saddr 10.0.0.9 tcp sport 7001 accept',
    'ip saddr 10.0.0.9 udp sport 7003 accept',
  ]) {
    expect(lines.indexOf(before)).toBeGreaterThan(0);
    expect(lines.indexOf(before)).toBeLessThan(lines.indexOf('drop'));
  }
  const others = [{ address: '10.0.0.3:50051' }, { address: 'http://10.0.0.2:5000' }] as Instance[];
  expect(drops({ cutFrom: others })).toContain('ip saddr { 10.0.0.3, 10.0.0.2 } drop');
  expect(drops({ cutFrom: others })).toContain('ip daddr { 10.0.0.3, 10.0.0.2 } drop');
  expect(drops({ cutFrom: [] })).not.toContain('drop');
});

test('a loss drops by chance, also what it is measured with', () => {
  const lines = drops({ lossFraction: 0.05 }).split('\n');
  const loss = lines.indexOf('numgen random mod 1000000 < 50000 drop');
  expect(loss).toBeGreaterThan(lines.indexOf('ip saddr 10.0.0.9 tcp sport 7001 accept'));
  expect(loss).toBeLessThan(lines.indexOf('ip saddr 10.0.0.9 udp sport 7003 accept'));
});

test('limits count content, and leave the lab out', () => {
  const up = shapes({ upBytesPerSecond: 4e6 });
  // 1514 bytes on the wire carry 1448 of content.
  expect(up).toContainEqual(expect.stringMatching(/^tc class add dev eth0 .* classid 1:20 htb rate 4182320bps/));
  expect(up).toContainEqual(expect.stringMatching(/^tc filter add dev eth0 .* dst 10\.0\.0\.1\/32 flowid 1:10/));
  expect(up.join('\n')).not.toContain('ip link add');
  const down = shapes({ downBytesPerSecond: 1e6 });
  expect(down).toContain('ip link add ifb0 type ifb');
  expect(down).toContainEqual(expect.stringMatching(/^tc class add dev ifb0 .* rate 1045580bps/));
  expect(down).toContainEqual(expect.stringMatching(/^tc filter add dev eth0 parent ffff: .* redirect dev ifb0/));
});

test('a delay takes the place of the queue, with room for what it holds back', () => {
  expect(shapes({ delay: { byMs: 80, jitterMs: 0 }, upBytesPerSecond: 4e6 })).toContain(
    'tc qdisc add dev eth0 parent 1:20 handle 20: netem delay 80ms limit 781',
  );
  expect(shapes({ delay: { byMs: 80, jitterMs: 10 } })).toContainEqual(
    expect.stringMatching(/netem delay 80ms 10ms distribution normal limit 100000$/),
  );
});

test('hosts of addresses of peers and of the directory', () => {
  const addresses = ['10.0.0.3:50051', 'http://10.0.0.2:5000', '[fd00::3]:50051', 'http://[fd00::2]:5000'];
  expect(addresses.map(hostOf)).toEqual(['10.0.0.3', '10.0.0.2', 'fd00::3', 'fd00::2']);
});
