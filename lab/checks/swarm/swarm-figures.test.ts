import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { OperationEvent, PiecesRecord } from '../../history/events.ts';
import { parseExpectation } from '../expectation.ts';
import type { History } from '../history.ts';
import { resultSchema } from '../result-schema.ts';
import { jain, swarmFigures, whyNoSwarmFigure } from './swarm-figures.ts';

const MIB = 1024 * 1024;
const [SHA, OTHER] = ['a'.repeat(64), 'b'.repeat(64)];
const NAMES = ['s-1', 'l-1', 'l-2', 'l-3', 'l-4'];
const addressOf = (name: string) => `10.0.0.1:${NAMES.indexOf(name) + 1}`;

let ids = 0;
const operation = (peer: string, what: string, more: Partial<OperationEvent>): OperationEvent => ({
  ...{ id: ids++, step: '1', operation: what, peer, start: 0, end: 0, outcome: 'ok', bytes: 0, sources: [] },
  ...more,
});
const login = (peer: string) => operation(peer, 'login', {});
/** @param from whom it got the parts of 8 MiB that these numbers say */
const download = (
  peer: string,
  start: number,
  end: number,
  from: Record<string, number>,
  more: Partial<OperationEvent> = {},
) => {
  const sources = Object.entries(from).map(([name, mib]) => ({ peer: addressOf(name), bytes: mib * MIB }));
  const bytes = sources.reduce((sum, one) => sum + one.bytes, 0);
  const told = { size: 8 * MIB, sha256: SHA };
  return operation(peer, 'download', { ...{ start, end, bytes, sources, told, file: 'f' }, ...more });
};
/** A seeder and three that want 8 MiB at once; each sends 1 MiB a second. */
const CROWD = [
  download('l-1', 1, 11, { 's-1': 4, 'l-2': 4 }),
  download('l-2', 1, 12, { 's-1': 4, 'l-3': 4 }),
  download('l-3', 1, 13, { 's-1': 2, 'l-1': 6 }),
];
const history = (events: OperationEvent[], more: Partial<History> = {}) =>
  ({
    facts: {
      ...{ leaseSeconds: 30, durationSeconds: 20 },
      peers: NAMES.map((name) => ({ name, group: name[0], address: addressOf(name), upBytesPerSecond: MIB })),
    },
    events: [...NAMES.map(login), ...events],
    ...{ faults: [], shares: [{ peer: 's-1', name: 'f', size: 8 * MIB, sha256: SHA }], pieces: [] },
    ...more,
  }) as unknown as History;

describe('the figures of a crowd', () => {
  test('come from who got what from whom, and from the limits of the scenario', () => {
    const swarm = swarmFigures(history(CROWD));
    expect(swarm).toMatchObject({
      // The seeder must send 8 MiB; all four must send 24.
      ...{ boundSeconds: 8, lastSeconds: 12, ratio: 1.5, speedup: 2 },
      ...{ offload: 1 - 10 / 24, seederCopies: 10 / 8 },
      crowds: [{ peers: 3, bytes: 24 * MIB, contents: [{ name: 'f', peers: 3, seeders: 1, spread: [] }] }],
    });
    expect(swarm?.fairness).toBeCloseTo(14 ** 2 / (3 * (36 + 16 + 16)));
    expect(resultSchema.shape.swarm.safeParse(swarm).success).toBe(true);
  });

  test('are not known of two peers, of one after the other, or of what has one piece', () => {
    expect(swarmFigures(history(CROWD.slice(0, 2)))).toBeUndefined();
    expect(swarmFigures(history(CROWD.map((one, n) => ({ ...one, start: n * 20, end: n * 20 + 5 }))))).toBeUndefined();
    const told = { size: MIB, sha256: SHA };
    expect(swarmFigures(history(CROWD.map((one) => ({ ...one, told }))))).toBeUndefined();
    expect(whyNoSwarmFigure(undefined, 'ratio')).toMatch(/^no crowd of three peers/);
  });

  test('that need a limit are missing where one peer has none, and the others are not', () => {
    const known = history(CROWD);
    const peers = known.facts.peers.map((peer) => ({
      ...peer,
      ...(peer.name === 'l-2' && { upBytesPerSecond: undefined }),
    }));
    const swarm = swarmFigures({ ...known, facts: { ...known.facts, peers } as History['facts'] });
    expect(swarm).not.toHaveProperty('ratio');
    expect(swarm).toMatchObject({ lastSeconds: 12, offload: 1 - 10 / 24 });
    expect(whyNoSwarmFigure(swarm, 'ratio')).toBe('the scenario sets no limit on what l-2 sends');
  });

  test('that need the answer of who was killed are missing', () => {
    const error = { code: 'connection-lost', message: 'gone', definite: false };
    const killed = download('l-4', 2, 3, {}, { outcome: 'failed', error, told: undefined });
    const swarm = swarmFigures(history([...CROWD, killed]));
    expect(swarm).toMatchObject({ lastSeconds: 12 });
    for (const name of ['offload', 'seederCopies', 'fairness'])
      expect(whyNoSwarmFigure(swarm, name)).toBe(
        'l-4 did not say what it got before its download failed (connection-lost)',
      );
  });

  test('a limit that was a fault counts if it was in force all the time', () => {
    const limit = (inForce: number) => ({
      ...{ kind: 'limit', who: 's-1', step: '1', from: 0, inForce, until: 99, proofs: [] },
      requested: { upBytesPerSecond: MIB / 2 },
    });
    const bound = (inForce: number) =>
      swarmFigures(history(CROWD, { faults: [limit(inForce)] } as unknown as History))?.boundSeconds;
    expect([bound(0.5), bound(2)]).toEqual([16, 8]);
  });

  test('of several contents at once are of all links together; of several crowds, the worst counts', () => {
    const told = { size: 8 * MIB, sha256: OTHER };
    const second = CROWD.map((one) => ({ ...one, told, file: 'g' }));
    const shares = [SHA, OTHER].map((sha256, n) => ({ peer: 's-1', name: 'fg'[n] ?? '', size: 8 * MIB, sha256 }));
    expect(swarmFigures(history([...CROWD, ...second], { shares }))).toMatchObject({ boundSeconds: 16, ratio: 0.75 });
    const later = second.map((one) => ({ ...one, start: one.start + 100, end: one.end + 112 }));
    const twice = swarmFigures(history([...CROWD, ...later], { shares }));
    expect(twice?.crowds.map(({ ratio }) => ratio)).toEqual([1.5, 3]);
    expect(twice).toMatchObject({ ratio: 3, speedup: 1 });
  });

  test('who fetched it before the others is one that has it', () => {
    const early = download('l-4', 0, 0.5, { 's-1': 8 });
    expect(swarmFigures(history([early, ...CROWD]))?.crowds[0]?.contents[0]?.seeders).toBe(2);
  });

  test('of a baseline are beside them, if it was played and was good', () => {
    const known = history(CROWD);
    const beside = (baseline: History['facts']['baseline']) =>
      swarmFigures({ ...known, facts: { ...known.facts, ...(baseline && { baseline }) } });
    expect(beside({ runId: 'b', lastSeconds: 36 })).toMatchObject({ baselineSeconds: 36, baselineSpeedup: 3 });
    const bad = beside({ runId: 'b', missing: 'it failed' });
    expect(bad).not.toHaveProperty('baselineSeconds');
    expect(whyNoSwarmFigure(bad, 'baselineSpeedup')).toBe('it failed');
    expect(whyNoSwarmFigure(beside(undefined), 'baselineSpeedup')).toBe('it was not played with --baseline');
  });

  test('tell how the pieces spread, of which there may be some only', () => {
    const says = (at: number, peer: string, map: string): PiecesRecord => ({
      ...{ at, peer },
      contents: [{ name: 'f', sha256: SHA, size: 8 * MIB, pieces: map.length, there: 0, map }],
    });
    const pieces = [says(2, 'l-1', '9000'), says(3, 'l-2', '9900'), says(4, 's-1', '9999'), says(5, 'l-1', '9909')];
    const spread = swarmFigures(history(CROWD, { pieces }))?.crowds[0]?.contents[0]?.spread;
    expect(spread).toEqual([
      { at: 2, least: 0, mean: 0.25 },
      { at: 3, least: 0, mean: 0.75 },
      { at: 5, least: 0, mean: 1.25 },
      { at: 11, least: 1, mean: 1.5 },
      { at: 12, least: 2, mean: 2 },
      { at: 13, least: 3, mean: 3 },
    ]);
  });
});

test('expectations can name them', () => {
  const names = { verbs: new Set(['download']), groups: new Set<string>(), steps: new Set<string>() };
  for (const text of [
    'swarm.ratio <= 1.5',
    'swarm.boundSeconds < 10s',
    'swarm.offload >= 80%',
    'swarm.seederCopies < 2',
  ])
    expect(parseExpectation(text, names)).toHaveProperty('expectation');
  expect(parseExpectation('swarm.rato <= 1.5', names)).toEqual({
    flaw: expect.stringContaining('Did you mean "ratio"?'),
  });
});

test("Jain's index is 1 where all are equal, and never less than the part of one", () => {
  expect(jain([3, 3, 3])).toBe(1);
  expect(jain([0, 0, 5])).toBeCloseTo(1 / 3);
  expect(jain([0, 0])).toBeUndefined();
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 1e6 }), { minLength: 1, maxLength: 50 }), (values) => {
      const index = jain(values);
      if (index === undefined) {
        expect(values.every((value) => value === 0)).toBe(true);
        return;
      }
      expect(index).toBeGreaterThanOrEqual(1 / values.length - 1e-9);
      expect(index).toBeLessThanOrEqual(1 + 1e-9);
    }),
  );
});
