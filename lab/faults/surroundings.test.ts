import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Instance, InstanceNetwork, NetworkConditions } from '../drivers/driver.ts';
import type { FaultRecord, FaultSpec } from '../history/events.ts';
import { Injector } from './injector.ts';

const FREE_BYTES_PER_SECOND = 100e6;
const ROUND_TRIP_MS = 0.2;
const DISK_BYTES = 4096;

/** A network that does as it is told, or not, and tells the truth about it. */
class Net implements InstanceNetwork {
  conditions: Partial<NetworkConditions> = {};
  deaf = false;
  openBack = false;

  async impose(change: Partial<NetworkConditions>): Promise<void> {
    if (!this.deaf) this.conditions = { ...this.conditions, ...change };
  }

  async reaches(others: readonly (Instance | 'outside')[]) {
    const { cutFrom } = this.conditions;
    const isCut = (other: Instance | 'outside') =>
      cutFrom === 'all' || (other !== 'outside' && (cutFrom?.some(({ name }) => name === other.name) ?? false));
    return others.map((other) => ({
      name: other === 'outside' ? other : other.name,
      to: !isCut(other),
      back: this.openBack || !isCut(other),
    }));
  }

  async measureLoss() {
    const lost = this.conditions.lossFraction ?? 0;
    return { up: lost, down: lost };
  }

  async measureRate(direction: 'up' | 'down') {
    const { upBytesPerSecond: up, downBytesPerSecond: down } = this.conditions;
    return { bytesPerSecond: (direction === 'up' ? up : down) ?? FREE_BYTES_PER_SECOND };
  }

  async measureRoundTrip() {
    return { ms: ROUND_TRIP_MS + (this.conditions.delay?.byMs ?? 0) };
  }
}

class Disk {
  free = DISK_BYTES;
  deaf = false;
  fill = async () => {
    if (!this.deaf) this.free = 0;
  };
  release = async () => {
    if (!this.deaf) this.free = DISK_BYTES;
  };
  freeBytes = async () => this.free;
}

const health = createServer((_, response) => response.end('{}'));
beforeEach(() => new Promise<void>((resolve) => void health.listen(0, '127.0.0.1', resolve)));
afterEach(() => new Promise((resolve) => health.close(resolve)));

function setup() {
  const url = `http://127.0.0.1:${(health.address() as AddressInfo).port}`;
  const make = (name: string) => ({ name, url, network: new Net(), disk: new Disk(), kill: async () => {} });
  const [a1, a2, b1, directory] = [make('a-1'), make('a-2'), make('b-1'), make('directory')];
  const running: Made[] = [directory, a1, a2, b1];
  const records: FaultRecord[] = [];
  const injector = new Injector({
    answerMs: 200,
    driver: { restart: async (instance) => instance },
    now: () => performance.now() / 1000,
    tell: async (event) => {
      if (event.kind === 'fault-ended') records.push(event.record);
    },
    running: () => running as unknown as Instance[],
    isIn: (name, scope) => scope === 'all' || name === scope || name.startsWith(`${scope}-`),
  });
  const begin = (one: Made, fault: FaultSpec) =>
    injector.begin({ fault, who: one.name, step: '1' }, one as unknown as Instance);
  const end = (one: Made, ...kinds: string[]) =>
    injector.end(one.name, (kind) => kinds.length === 0 || kinds.includes(kind));
  const oks = () => records.map(({ kind, proofs }) => `${kind} ${proofs.map(({ ok }) => (ok ? '+' : '-')).join('')}`);
  return { a1, a2, b1, directory, running, injector, records, begin, end, oks };
}
type Made = { name: string; network: Net; disk: Disk };

const EACH: FaultSpec[] = [
  { kind: 'cut', from: 'all' },
  { kind: 'lose', percent: 5 },
  { kind: 'limit', upBytesPerSecond: 4e6, downBytesPerSecond: 1e6 },
  { kind: 'delay', byMs: 80, jitterMs: 0 },
  { kind: 'fill' },
];

describe.each(EACH)('$kind', (fault) => {
  test('is proved before, during and after; requested stands beside achieved', async () => {
    const it = setup();
    await it.begin(it.a1, fault);
    await it.end(it.a1);
    expect(it.oks()).toEqual([`${fault.kind} ++++`]);
    const [{ requested, achieved, recoverySeconds, proofs }] = it.records as [FaultRecord];
    const { kind, ...asked } = fault;
    expect(requested ?? {}).toEqual(asked);
    expect(achieved).toEqual(proofs[2]?.figures);
    expect(recoverySeconds).toBeGreaterThanOrEqual(0);
    expect(it.a1.network.conditions).toEqual(
      Object.fromEntries(Object.keys(it.a1.network.conditions).map((key) => [key, undefined])),
    );
  });

  test('that did not take, or did not go away, is seen', async () => {
    const it = setup();
    it.a1.network.deaf = it.a1.disk.deaf = true;
    await it.begin(it.a1, fault);
    await it.injector.close();
    expect(it.oks()).toEqual([`${fault.kind} +-`]);
    const other = setup();
    await other.begin(other.a1, fault);
    other.a1.network.deaf = other.a1.disk.deaf = true;
    await other.end(other.a1);
    expect(other.oks()).toEqual([`${fault.kind} +++-`]);
    expect(other.records[0]).not.toHaveProperty('recoverySeconds');
  });
});

test('faults of different kinds are in force beside each other, and undone one by one', async () => {
  const it = setup();
  for (const fault of EACH) await it.begin(it.a1, fault);
  await it.end(it.a1, 'lose', 'fill');
  expect(it.oks()).toEqual(['lose ++++', 'fill ++++']);
  expect(it.a1.network.conditions).toMatchObject({ cutFrom: 'all', upBytesPerSecond: 4e6 });
  await it.end(it.a1);
  expect(it.oks().slice(2)).toEqual(['cut ++++', 'limit ++++', 'delay ++++']);
});

test('one of the same kind takes the place of the one before, and a kill of all', async () => {
  const it = setup();
  await it.begin(it.a1, { kind: 'cut', from: 'directory' });
  await it.begin(it.a1, { kind: 'cut', from: 'all' });
  expect(it.records).toMatchObject([{ kind: 'cut', overtakenBy: 'cut', overtakenAt: expect.any(Number) }]);
  await it.begin(it.a1, { kind: 'lose', percent: 5 });
  await it.begin(it.a1, { kind: 'kill' });
  expect(it.records.slice(1)).toMatchObject([
    { kind: 'cut', overtakenBy: 'kill' },
    { kind: 'lose', overtakenBy: 'kill' },
  ]);
});

describe('a cut', () => {
  test('from a group, or the directory, is from those alone', async () => {
    const it = setup();
    await it.begin(it.a1, { kind: 'cut', from: 'b' });
    expect(it.a1.network.conditions.cutFrom).toEqual([it.b1]);
    await it.end(it.a1);
    await it.begin(it.a1, { kind: 'cut', from: 'directory' });
    expect(it.a1.network.conditions.cutFrom).toEqual([it.directory]);
    await it.begin(it.a2, { kind: 'cut', from: 'a' });
    expect(it.a2.network.conditions.cutFrom).toEqual([it.a1]);
    await it.end(it.a1);
    await it.end(it.a2);
    expect(it.oks()).toEqual(['cut ++++', 'cut ++++', 'cut ++++']);
  });

  test('that lets the way back open is none', async () => {
    const it = setup();
    it.a1.network.openBack = true;
    await it.begin(it.a1, { kind: 'cut', from: 'b' });
    await it.injector.close();
    expect(it.oks()).toEqual(['cut +-']);
    expect(it.records[0]?.proofs[1]?.seen).toContain('from b-1');
  });

  test('is not blamed for those who are cut off by themselves, and has no proof when nobody is left', async () => {
    const it = setup();
    await it.begin(it.b1, { kind: 'cut', from: 'all' });
    await it.begin(it.a1, { kind: 'cut', from: 'b' });
    await it.injector.close();
    expect(it.records.map(({ who, proofs }) => [who, proofs.map(({ seen, ok }) => [seen.split(',')[0], ok])])).toEqual([
      [
        'b-1',
        [
          ['8 of 8 ways open', true],
          ['0 of 8 ways open', true],
        ],
      ],
      [
        'a-1',
        [
          ['0 of 0 ways open', false],
          ['0 of 0 ways open', false],
        ],
      ],
    ]);
  });

  test('is from those, too, who come later', async () => {
    const it = setup();
    it.running.pop();
    await it.begin(it.a1, { kind: 'cut', from: 'b' });
    expect(it.a1.network.conditions.cutFrom).toEqual([]);
    it.running.push(it.b1);
    await it.injector.arrived('b-1');
    expect(it.a1.network.conditions.cutFrom).toEqual([it.b1]);
  });
});

test('an instance whose network can not be disturbed is none that it was done to', async () => {
  const it = setup();
  const bare = { ...it.a1, network: undefined } as unknown as Made;
  await expect(it.begin(bare, { kind: 'lose', percent: 5 })).rejects.toMatchObject({ code: 'not-capable' });
});
