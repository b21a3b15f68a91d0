import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { IndexEntry, SearchResult, SharedFile } from '#proto/directory-api.ts';
import type { PeerLabError } from '#proto/errors.ts';
import type { Page } from './pages.ts';
import { type Registration, Registry, type RegistryLimits } from './registry.ts';

const LEASE_MS = 1000;
const HASH_A = 'a'.repeat(64);
const HASH_B = 'b'.repeat(64);
const ALL = { limit: 1000 };

function file(name: string, sha256 = HASH_A, size = 10): SharedFile {
  return { name, size, sha256 };
}

function peer(port: number, user = 'ann') {
  return { user, ip: '10.0.0.1', port };
}

function setUp(limits: Partial<RegistryLimits> = {}) {
  const clock = { nowMs: 0 };
  const expired: string[] = [];
  const registry = new Registry({
    leaseMs: LEASE_MS,
    tokenMs: 10 * LEASE_MS,
    limits: { peers: 1000, peersPerUser: 1000, files: 100_000, ...limits },
    now: () => clock.nowMs,
    onExpired: ({ address }) => expired.push(address),
  });
  return { registry, clock, expired };
}

const names = (page: Page<SearchResult>) => page.items.map(({ name }) => name);
const codeOf = (action: () => unknown) => {
  try {
    action();
  } catch (error) {
    return (error as PeerLabError).code;
  }
};

describe('swarms', () => {
  it('names those who fetch a content to each other, and shows them in no search and no index', () => {
    const { registry } = setUp();
    const ann = registry.register(peer(1), [], 'token-1');
    const bob = registry.register(peer(2), [], 'token-2');
    expect(registry.swarm(ann, HASH_A, true, 30)).toEqual([]);
    expect(registry.swarm(bob, HASH_A, true, 30)).toEqual([peer(1)]);
    expect(registry.search({ root: HASH_A }, ALL).items).toEqual([]);
    expect(registry.search({ sha256: HASH_A }, ALL).items).toEqual([]);
    expect(registry.index(ALL).items.flatMap(({ files }) => files)).toEqual([]);
    registry.swarm(bob, HASH_A, false, 30);
    expect(registry.swarm(ann, HASH_A, true, 30)).toEqual([]);
  });

  it('forgets who left, whose lease ended, and who logged in anew', () => {
    const { registry, clock } = setUp();
    const ann = registry.register(peer(1), [], 'token-1');
    for (const [port, leave] of [
      [2, (bob: Registration) => registry.remove(bob)],
      [3, () => registry.register(peer(3), [], 'token-new')],
      [
        4,
        () => {
          clock.nowMs += LEASE_MS - 1;
          registry.renew(ann);
          clock.nowMs += 1;
        },
      ],
    ] as const) {
      const bob = registry.register(peer(port), [], `token-${port}`);
      registry.swarm(bob, HASH_A, true, 30);
      expect(registry.swarm(ann, HASH_A, true, 30)).toEqual([peer(port)]);
      leave(bob);
      expect(registry.swarm(ann, HASH_A, true, 30)).toEqual([]);
    }
  });
});

describe('leases', () => {
  it('ends a registration that is not renewed, and its token, at the very moment', () => {
    const { registry, clock, expired } = setUp();
    registry.register(peer(1), [file('x')], 'token-1');
    clock.nowMs = LEASE_MS - 1;
    expect(registry.counts()).toEqual({ peers: 1, files: 1 });
    clock.nowMs = LEASE_MS;
    expect(registry.findByToken('token-1')).toBeUndefined();
    expect(registry.index(ALL).items).toEqual([]);
    expect(registry.search({ name: 'x' }, ALL).items).toEqual([]);
    expect(registry.search({ sha256: HASH_A }, ALL).items).toEqual([]);
    expect(registry.counts()).toEqual({ peers: 0, files: 0 });
    expect(expired).toEqual(['10.0.0.1:1']);
  });

  it('keeps one that is renewed, while others beside it end', () => {
    const { registry, clock, expired } = setUp();
    const kept = registry.register(peer(1), [], 'token-1');
    registry.register(peer(2), [], 'token-2');
    clock.nowMs = 600;
    registry.renew(kept);
    clock.nowMs = 1500;
    expect(registry.index(ALL).items.map(({ port }) => port)).toEqual([1]);
    expect(expired).toEqual(['10.0.0.1:2']);
  });
});

describe('addresses', () => {
  it('keeps an address for its user while the lease holds', () => {
    const { registry, clock } = setUp();
    registry.register(peer(1), [file('x')], 'token-1');
    expect(codeOf(() => registry.register(peer(1, 'bob'), [], 'token-2'))).toBe('address-taken');
    expect(registry.index(ALL).items).toEqual([{ ...peer(1), files: [file('x')] }]);
    clock.nowMs = LEASE_MS;
    registry.register(peer(1, 'bob'), [], 'token-2');
    expect(registry.index(ALL).items).toEqual([{ ...peer(1, 'bob'), files: [] }]);
  });

  it('lets the same user come back at once; the former token and list end', () => {
    const { registry } = setUp();
    registry.register(peer(1), [file('old')], 'token-1');
    registry.register(peer(1), [file('new')], 'token-2');
    expect(registry.findByToken('token-1')).toBeUndefined();
    expect(registry.findByToken('token-2')?.address).toBe('10.0.0.1:1');
    expect(names(registry.search({ name: '*' }, ALL))).toEqual(['new']);
    expect(registry.counts()).toEqual({ peers: 1, files: 1 });
  });
});

it('forgets how busy a peer was when it logs in again: what it says counts from its login on', () => {
  const { registry } = setUp();
  registry.renew(registry.register(peer(1), [file('x')], 'token-1'), { serving: 2, capacity: 2 });
  registry.register(peer(2), [file('x')], 'token-2');
  const order = () => registry.search({ name: 'x' }, ALL).items[0]?.peers.map(({ port }) => port);
  expect(order()).toEqual([2, 1]);
  registry.register(peer(1), [file('x')], 'token-3');
  expect(order()).toEqual([1, 2]);
});

describe('lists', () => {
  it('refuses a list with a name twice, and keeps the old one', () => {
    const { registry } = setUp();
    const registration = registry.register(peer(1), [file('x')], 'token-1');
    expect(codeOf(() => registry.replaceFiles(registration, [file('y'), file('y', HASH_B)]))).toBe('bad-request');
    expect(names(registry.search({ name: '*' }, ALL))).toEqual(['x']);
    expect(registry.counts().files).toBe(1);
  });

  it('enters nobody whose list is refused', () => {
    const { registry } = setUp();
    expect(codeOf(() => registry.register(peer(1), [file('y'), file('y')], 'token-1'))).toBe('bad-request');
    expect(registry.counts()).toEqual({ peers: 0, files: 0 });
    expect(registry.findByToken('token-1')).toBeUndefined();
  });
});

describe('tokens', () => {
  it('end by themselves, however often the lease is renewed; the registration stays until its lease ends', () => {
    const { registry, clock } = setUp();
    const registration = registry.register(peer(1), [], 'token-1');
    for (let i = 1; i < 20; i++) {
      clock.nowMs = i * (LEASE_MS / 2);
      registry.renew(registration);
      expect(registry.findByToken('token-1')?.address).toBe('10.0.0.1:1');
    }
    clock.nowMs = 10 * LEASE_MS;
    expect(registry.findByToken('token-1')).toBeUndefined();
    expect(registry.counts().peers).toBe(1);
    registry.register(peer(1), [], 'token-2');
    expect(registry.findByToken('token-2')?.address).toBe('10.0.0.1:1');
  });
});

describe('limits', () => {
  it('on peers, peers of a user and files: what is over them changes nothing, and room that gets free is used', () => {
    const { registry } = setUp({ peers: 3, peersPerUser: 2, files: 4 });
    registry.register(peer(1), [file('a'), file('b')], 'token-1');
    const second = registry.register(peer(2), [file('c')], 'token-2');
    expect(codeOf(() => registry.register(peer(3), [], 'token-3'))).toBe('too-many-peers');
    expect(codeOf(() => registry.register(peer(3, 'bob'), [file('d'), file('e')], 'token-3'))).toBe('directory-full');
    registry.register(peer(3, 'bob'), [file('d')], 'token-3');
    expect(codeOf(() => registry.register(peer(4, 'eve'), [], 'token-4'))).toBe('directory-full');
    expect(codeOf(() => registry.replaceFiles(second, [file('c'), file('x')]))).toBe('directory-full');
    expect(registry.counts()).toEqual({ peers: 3, files: 4 });
    registry.register(peer(1), [file('a')], 'token-5');
    registry.replaceFiles(second, [file('c'), file('x')]);
    registry.remove(second);
    registry.register(peer(4), [], 'token-6');
    expect(registry.counts()).toEqual({ peers: 3, files: 2 });
  });
});

it('enters all that was saved, over limits that were lowered too; what is new is held to them', () => {
  const { registry } = setUp({ peers: 1, peersPerUser: 1, files: 1 });
  for (const port of [1, 2]) {
    const files = [file('a'), file('b')];
    registry.restore({ peer: peer(port), files, tokenHash: `token-${port}`, tokenLeftMs: 500 });
  }
  expect(registry.counts()).toEqual({ peers: 2, files: 4 });
  const second = registry.findByToken('token-2') as Registration;
  expect(codeOf(() => registry.register(peer(3), [], 'token-3'))).toBe('too-many-peers');
  expect(codeOf(() => registry.register(peer(3, 'bob'), [], 'token-3'))).toBe('directory-full');
  expect(codeOf(() => registry.replaceFiles(second, [file('a'), file('b'), file('c')]))).toBe('directory-full');
  registry.replaceFiles(second, [file('c')]);
  registry.register(peer(1), [file('a'), file('d')], 'token-4');
  expect(registry.counts()).toEqual({ peers: 2, files: 3 });
});

describe('search', () => {
  it('names those sources first from which one more download can expect most', () => {
    const { registry } = setUp();
    const mib = 1024 * 1024;
    const loads = [
      { serving: 3, capacity: 8, bytesPerSecond: 100 * mib },
      { serving: 0, capacity: 8, bytesPerSecond: 1 * mib },
      undefined,
      { serving: 0, capacity: 8, bytesPerSecond: 400 * mib },
      { serving: 8, capacity: 8, bytesPerSecond: 900 * mib },
      { serving: 0, capacity: 8, bytesPerSecond: 390 * mib },
    ];
    for (const [at, load] of loads.entries()) {
      registry.renew(registry.register(peer(at + 1), [file('x')], `token-${at}`), load);
    }
    const [result] = registry.search({ name: 'x' }, ALL).items;
    expect(result?.peers.map(({ port }) => port)).toEqual([4, 6, 1, 3, 2, 5]);
  });

  it('finds by the beginning of a name, which is no glob, and by root', () => {
    const { registry } = setUp();
    const root = 'd'.repeat(64);
    registry.register(peer(1), [file('a*b'), { ...file('ab', HASH_B), root }], 'token-1');
    registry.register(peer(2), [{ ...file('ab', HASH_B), root }], 'token-2');
    expect(names(registry.search({ prefix: 'a*' }, ALL))).toEqual(['a*b']);
    expect(names(registry.search({ prefix: 'a' }, ALL))).toEqual(['a*b', 'ab']);
    expect(registry.search({ root }, ALL).items).toMatchObject([{ sha256: HASH_B, root, peers: [{}, {}] }]);
    expect(registry.search({ root: HASH_B }, ALL).items).toEqual([]);
  });

  it('refuses a pattern that takes thousands of comparisons for each name, not one that takes a few', () => {
    const { registry } = setUp();
    const hostile = Array.from({ length: 4000 }, (_, i) => file(`ac${'a'.repeat(243)}${i}`));
    registry.register(peer(1), hostile, 'token-1');
    const startedAt = performance.now();
    expect(codeOf(() => registry.search({ name: `*${'a'.repeat(120)}c*` }, ALL))).toBe('search-too-costly');
    // Not a question of speed: without the limit it is a second for each ten thousand names.
    expect(performance.now() - startedAt).toBeLessThan(5000);
    expect(registry.search({ name: '*a*a*3999' }, ALL).items).toHaveLength(1);
  });

  it('knows the short way to a name while one copy is all there is of it, and again afterwards', () => {
    const { registry } = setUp();
    const alone = () => ['x', 'y'].map((name) => registry.searchAlone(name) !== undefined);
    registry.register(peer(1), [file('x')], 'token-1');
    expect(alone()).toEqual([true, false]);
    const other = registry.register(peer(2), [file('y')], 'token-2');
    expect(alone()).toEqual([false, false]);
    registry.replaceFiles(other, [file('x', HASH_B)]);
    expect(alone()).toEqual([false, false]);
    registry.remove(other);
    expect(alone()).toEqual([true, false]);
  });

  it('says how long ago the most silent peer of an answer was heard of', () => {
    const { registry, clock } = setUp();
    registry.register(peer(1), [file('x')], 'token-1');
    clock.nowMs = 300;
    registry.register(peer(2), [file('y', HASH_B)], 'token-2');
    clock.nowMs = 400;
    expect(registry.search({ name: 'x' }, ALL).ageMs).toBe(400);
    expect(registry.search({ name: 'y' }, ALL).ageMs).toBe(100);
    expect(registry.search({ name: 'z' }, ALL).ageMs).toBe(0);
    expect(registry.index(ALL).ageMs).toBe(400);
  });

  it('shows one entry per content, with every peer that has it and its name there', () => {
    const { registry } = setUp();
    registry.register(peer(2), [file('z'), file('m')], 'token-1');
    registry.register(peer(1, 'bob'), [file('copy')], 'token-2');
    registry.register(peer(3), [file('z', HASH_B)], 'token-3');
    expect(registry.search({ name: 'z' }, ALL).items).toEqual([
      {
        name: 'z',
        size: 10,
        sha256: HASH_A,
        peers: [
          { ...peer(1, 'bob'), name: 'copy' },
          { ...peer(2), name: 'z' },
        ],
      },
      { name: 'z', size: 10, sha256: HASH_B, peers: [{ ...peer(3), name: 'z' }] },
    ]);
  });

  it('shows the size that most peers announce, and who announced another', () => {
    const { registry } = setUp();
    registry.register(peer(1, 'liar'), [file('x', HASH_A, 1)], 'token-1');
    registry.register(peer(2), [file('x', HASH_A, 10)], 'token-2');
    registry.register(peer(3), [file('x', HASH_A, 10)], 'token-3');
    const [found] = registry.search({ name: 'x' }, ALL).items;
    expect(found?.size).toBe(10);
    expect(found?.peers.map(({ user, size }) => [user, size])).toEqual([
      ['liar', 1],
      ['ann', undefined],
      ['ann', undefined],
    ]);
  });

  it('takes a name with * or ? as a glob, all else literally', () => {
    const { registry } = setUp();
    registry.register(peer(1), [file('a.txt'), file('b.txt', HASH_B)], 'token-1');
    expect(names(registry.search({ name: '?.txt' }, ALL))).toEqual(['a.txt', 'b.txt']);
    expect(names(registry.search({ name: '[ab].txt' }, ALL))).toEqual([]);
    expect(names(registry.search({ name: '__proto__' }, ALL))).toEqual([]);
  });

  it('ends a page early rather than carry more than ten thousand sources', () => {
    const { registry } = setUp();
    const files = Array.from({ length: 15 }, (_, i) => file(`f${i}`, i.toString(16).padStart(64, '0')));
    for (let port = 1; port <= 1000; port++) registry.register(peer(port), files, `token-${port}`);
    const first = registry.search({ name: 'f*' }, ALL);
    expect(first.items).toHaveLength(10);
    expect(registry.search({ name: 'f*' }, { ...ALL, after: first.next }).items).toHaveLength(5);
  });
});

// What follows compares the registry with the plainest possible model of it, over random histories.

const HASHES = [HASH_A, HASH_B, 'c'.repeat(64)];
const NAMES = ['a', 'ab', 'b', 'é'];
type Query = { sha256: string } | { name: string } | { root: string };
const QUERIES: Query[] = [
  ...HASHES.map((sha256) => ({ sha256 })),
  ...[...NAMES, '*', 'a*', '?', '*b', 'zz'].map((name) => ({ name })),
];
/** The globs above once more, as an independent opinion on what they match. */
const PATTERNS: Record<string, RegExp> = { '*': /^.*$/u, 'a*': /^a.*$/u, '?': /^.$/u, '*b': /^.*b$/u };

const someFiles = fc.uniqueArray(
  fc.record({ name: fc.constantFrom(...NAMES), size: fc.constantFrom(1, 2), sha256: fc.constantFrom(...HASHES) }),
  { selector: ({ name }) => name, maxLength: 4 },
);
const somePort = fc.integer({ min: 1, max: 12 });
const operation = fc.oneof(
  fc.record({ kind: fc.constant('register'), user: fc.constantFrom('ann', 'bob'), port: somePort, files: someFiles }),
  fc.record({ kind: fc.constant('replace'), port: somePort, files: someFiles }),
  fc.record({ kind: fc.constant('renew'), port: somePort }),
  fc.record({ kind: fc.constant('remove'), port: somePort }),
  fc.record({ kind: fc.constant('wait'), ms: fc.integer({ min: 1, max: 400 }) }),
);
type Operation = {
  kind: string;
  user?: string;
  port?: number;
  files?: SharedFile[];
  ms?: number;
};

class Model {
  peers: { user: string; port: number; files: SharedFile[]; endsMs: number }[] = [];
  nowMs = 0;

  apply({ kind, user = '', port = 0, files = [], ms = 0 }: Operation): void {
    const known = this.peers.find((one) => one.port === port);
    const endsMs = this.nowMs + LEASE_MS;
    if (kind === 'register' && (!known || known.user === user)) {
      this.peers = [...this.peers.filter((one) => one !== known), { user, port, files, endsMs }];
    }
    if (kind === 'replace' && known) known.files = files;
    if (kind === 'renew' && known) known.endsMs = endsMs;
    if (kind === 'remove') this.peers = this.peers.filter((one) => one !== known);
    if (kind === 'wait') this.nowMs += ms;
    this.peers = this.peers.filter((one) => one.endsMs > this.nowMs);
  }

  index(): IndexEntry[] {
    return this.#byAddress().map(({ user, port, files }) => ({ ...peer(port, user), files }));
  }

  search(query: Query): SearchResult[] {
    const matches = ({ name, sha256, root }: SharedFile) =>
      'root' in query
        ? root === query.root
        : 'sha256' in query
          ? sha256 === query.sha256
          : (PATTERNS[query.name]?.test(name) ?? name === query.name);
    return HASHES.flatMap((sha256) => {
      const held = this.peers.flatMap(({ files }) => files).filter((one) => one.sha256 === sha256);
      const [name] = held
        .filter(matches)
        .map((one) => one.name)
        .sort();
      if (name === undefined) return [];
      const sources = this.#byAddress().flatMap(({ user, port, files }) => {
        const copies = files.filter((one) => one.sha256 === sha256).sort((a, b) => (a.name < b.name ? -1 : 1));
        const copy = copies.find(matches) ?? copies[0];
        return copy ? [{ user, port, copy }] : [];
      });
      const votes = (size: number) => sources.filter(({ copy }) => copy.size === size).length;
      const size = votes(2) > votes(1) ? 2 : 1;
      return [
        {
          name,
          size,
          sha256,
          peers: sources.map(({ user, port, copy }) => ({
            ...{ ...peer(port, user), name: copy.name },
            ...(copy.size !== size && { size: copy.size }),
          })),
        },
      ];
    });
  }

  #byAddress() {
    return [...this.peers].sort((a, b) => (String(a.port) < String(b.port) ? -1 : 1));
  }
}

/** The registry with the model's operations; tokens are the ports. */
function subject() {
  const { registry, clock } = setUp();
  const tokens = new Map<number, string>();
  let issued = 0;
  const find = (port: number): Registration | undefined => registry.findByToken(tokens.get(port) ?? '');
  function apply({ kind, user = '', port = 0, files = [], ms = 0 }: Operation): void {
    const known = find(port);
    if (kind === 'register') {
      const token = `token-${++issued}`;
      const refused = codeOf(() => registry.register(peer(port, user), files, token));
      if (!refused) tokens.set(port, token);
    }
    if (kind === 'replace' && known) registry.replaceFiles(known, files);
    if (kind === 'renew' && known) registry.renew(known);
    if (kind === 'remove' && known) registry.remove(known);
    if (kind === 'wait') clock.nowMs += ms;
  }
  return { registry, apply };
}

function inPagesOf<T>(limit: number, ask: (page: { limit: number; after?: string | undefined }) => Page<T>): T[] {
  const all: T[] = [];
  let after: string | undefined;
  do {
    const page = ask({ limit, after });
    expect(page.items.length).toBeLessThanOrEqual(limit);
    all.push(...page.items);
    after = page.next;
  } while (after !== undefined);
  return all;
}

/** The short way is there for a content that one peer has under one name, and leads to the same answer. */
function expectSameAlone(registry: Registry, name: string, files: readonly SharedFile[]): void {
  const hashes = files.filter((one) => one.name === name).map(({ sha256 }) => sha256);
  const copies = files.filter(({ sha256 }) => hashes.includes(sha256));
  const alone = registry.searchAlone(name);
  expect(alone !== undefined).toBe(copies.length === 1);
  if (!alone) return;
  const { items, ageMs } = registry.search({ name }, { limit: 100 });
  expect({ ...alone, json: JSON.parse(alone.json) }).toEqual({ json: { results: items }, ageMs });
}

describe('over any history', () => {
  it('index, search and counts agree with the plain model, whatever the page size', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 30 }), fc.integer({ min: 1, max: 4 }), (operations, limit) => {
        const model = new Model();
        const { registry, apply } = subject();
        for (const one of operations) {
          model.apply(one);
          apply(one);
          expect(inPagesOf(limit, (page) => registry.index(page))).toEqual(model.index());
          for (const query of QUERIES) {
            expect(inPagesOf(limit, (page) => registry.search(query, page))).toEqual(model.search(query));
          }
          const files = model.peers.flatMap((one) => one.files);
          for (const name of NAMES) expectSameAlone(registry, name, files);
          expect(registry.counts()).toEqual({ peers: model.peers.length, files: files.length });
        }
      }),
      { numRuns: 150 },
    );
  });

  it('what is there the whole time is shown exactly once, whatever happens between two pages', () => {
    const history = fc.array(operation, { maxLength: 15 });
    fc.assert(
      fc.property(history, history, fc.constantFrom('*', 'a*'), (before, between, name) => {
        const { registry, apply } = subject();
        for (const one of before) apply(one);
        const keys = () => new Set(registry.search({ name }, ALL).items.map(({ sha256 }) => sha256));
        const throughout = keys();
        const shown: string[] = [];
        let page = registry.search({ name }, { limit: 1 });
        shown.push(...page.items.map(({ sha256 }) => sha256));
        const changes = [...between];
        while (page.next !== undefined) {
          for (const one of changes.splice(0, 5)) {
            apply(one);
            const now = keys();
            for (const key of throughout) if (!now.has(key)) throughout.delete(key);
          }
          page = registry.search({ name }, { limit: 1, after: page.next });
          shown.push(...page.items.map(({ sha256 }) => sha256));
        }
        expect(new Set(shown).size).toBe(shown.length);
        expect(shown).toEqual(expect.arrayContaining([...throughout]));
      }),
      { numRuns: 300 },
    );
  });
});
