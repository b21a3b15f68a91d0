import { describe, expect, test, vi } from 'vitest';
import { RateLimits } from './rate-limit.ts';
import { TestPeer } from './testing/test-peer.ts';

const MB = 1_000_000;

describe('on a clock of its own', () => {
  /** Bytes that many takers get through the limits in `seconds`, each in chunks, each waiting as it is told. */
  function moved(limits: RateLimits, others: string[], seconds: number): Map<string, number> {
    vi.useFakeTimers({ toFake: ['performance', 'setTimeout'] });
    const bytes = new Map(others.map((other) => [other, 0]));
    const chunk = limits.chunkSize(256 * 1024);
    for (const other of others) {
      const pace = limits.of(other);
      const go = () => {
        bytes.set(other, (bytes.get(other) ?? 0) + chunk);
        setTimeout(go, pace.reserve(chunk));
      };
      setTimeout(go, pace.reserve(chunk));
    }
    vi.advanceTimersByTime(seconds * 1000);
    vi.useRealTimers();
    return bytes;
  }

  const sum = (bytes: Map<string, number>) => [...bytes.values()].reduce((a, b) => a + b, 0);

  test.for([
    [100_000, 1],
    [1 * MB, 5],
    [20 * MB, 1],
    [20 * MB, 16],
    [200 * MB, 16],
  ] as const)('%i bytes a second hold in sum over %i transfers, in equal parts', ([rate, transfers]) => {
    const names = Array.from({ length: transfers }, (_, i) => `10.0.0.${i}`);
    const bytes = moved(new RateLimits({ total: rate }), names, 10);
    expect(sum(bytes) / (10 * rate)).toBeGreaterThan(0.95);
    expect(sum(bytes) / (10 * rate)).toBeLessThan(1.05);
    const parts = [...bytes.values()];
    expect(Math.max(...parts) / Math.min(...parts)).toBeLessThan(1.2);
  });

  test('the limit of each holds beside that of all', () => {
    const bytes = moved(new RateLimits({ total: 10 * MB, each: 4 * MB }), ['a', 'b'], 10);
    for (const part of bytes.values()) expect(part / (40 * MB)).toBeCloseTo(1, 1);
    const crowd = moved(new RateLimits({ total: 10 * MB, each: 4 * MB }), ['a', 'b', 'c', 'd'], 10);
    expect(sum(crowd) / (100 * MB)).toBeCloseTo(1, 1);
  });

  test('who was idle gathers no burst', () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const pace = new RateLimits({ total: MB }).of('a');
    pace.reserve(1000);
    vi.advanceTimersByTime(60_000);
    expect(pace.reserve(MB)).toBeGreaterThan(900);
    vi.useRealTimers();
  });

  test('without a rate nothing waits, and nothing is kept', () => {
    const limits = new RateLimits();
    expect(limits.of('a').reserve(10 ** 12)).toBe(0);
    expect(limits.chunkSize(256 * 1024)).toBe(256 * 1024);
  });
});

describe('of a whole peer', () => {
  const RATE = '4MB/s';
  const bytes = 2 * MB;
  const files = { a: Buffer.alloc(bytes, 'a'), b: Buffer.alloc(bytes, 'b') };
  /** No faster than the limit allows, give or take 5 % and the slack; how much slower is the machine's business. */
  const LEAST_SECONDS = ((2 * bytes) / (4 * MB)) * 0.95 - 0.1;

  const both = async (leechers: TestPeer[], from: string) => {
    const began = performance.now();
    const names = Object.keys(files);
    const fetch = (name: string, i: number) => leechers[i % leechers.length]?.control('download', { name, from });
    const answers = await Promise.all(names.map(fetch));
    expect(answers.map((answer) => answer?.status)).toEqual([200, 200]);
    return (performance.now() - began) / 1000;
  };

  test('what it sends, to several at once', async () => {
    await using seeder = await TestPeer.start({ PEER_UPLOAD_LIMIT: RATE }, files);
    await using one = await TestPeer.start({ PEER_USER: 'one' });
    await using two = await TestPeer.start({ PEER_USER: 'two' });
    expect(await both([one, two], seeder.address)).toBeGreaterThan(LEAST_SECONDS);
  });

  test('what it receives, in several downloads at once', async () => {
    await using seeder = await TestPeer.start({}, files);
    await using leecher = await TestPeer.start({ PEER_USER: 'one', PEER_DOWNLOAD_LIMIT: RATE });
    expect(await both([leecher], seeder.address)).toBeGreaterThan(LEAST_SECONDS);
  });

  test.for([
    ['what it uploads', { PEER_UPLOAD_LIMIT: RATE }, {}],
    ['what is uploaded to it', {}, { PEER_DOWNLOAD_LIMIT: RATE }],
  ] as const)('%s', async ([, ofSender, ofReceiver]) => {
    await using sender = await TestPeer.start(ofSender, files);
    await using receiver = await TestPeer.start({ PEER_USER: 'one', ...ofReceiver });
    const began = performance.now();
    const upload = (name: string) => sender.control('upload', { name, to: receiver.address });
    const answers = await Promise.all(Object.keys(files).map(upload));
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect((performance.now() - began) / 1000).toBeGreaterThan(LEAST_SECONDS);
  });
});
