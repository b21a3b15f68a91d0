import { expect, test } from 'vitest';
import { Swarms } from './swarms.ts';

const names = (peers: { name: string }[]) => peers.map(({ name }) => name).sort();

test('who fetches a content hears of others that do, and of nobody else', () => {
  const swarms = new Swarms<{ name: string }>();
  const [ann, bob, cid] = ['ann', 'bob', 'cid'].map((name) => ({ name })) as [
    { name: string },
    { name: string },
    { name: string },
  ];
  swarms.enter(ann, 'x');
  swarms.enter(bob, 'x');
  swarms.enter(cid, 'y');
  expect(names(swarms.others(ann, 'x', 30))).toEqual(['bob']);
  swarms.leave(bob, 'x');
  expect(swarms.others(ann, 'x', 30)).toEqual([]);
  swarms.enter(bob, 'x');
  swarms.enter(bob, 'y');
  swarms.leaveAll(bob);
  expect([...swarms.others(ann, 'x', 30), ...swarms.others(cid, 'y', 30)]).toEqual([]);
});

test('of a large crowd each who asks gets some, and all together get everyone', () => {
  const swarms = new Swarms<{ name: string }>();
  const crowd = Array.from({ length: 200 }, (_, i) => ({ name: `${i}` }));
  for (const peer of crowd) swarms.enter(peer, 'x');
  const told = new Set<string>();
  for (const peer of crowd) {
    const others = swarms.others(peer, 'x', 30);
    expect(new Set(others).size).toBe(30);
    expect(others).not.toContain(peer);
    for (const { name } of others) told.add(name);
  }
  expect(told.size).toBe(200);
});

test('one that says it fetches everything is remembered for a thousand contents', () => {
  const swarms = new Swarms<object>();
  const greedy = {};
  for (let i = 0; i < 2000; i++) swarms.enter(greedy, `${i}`);
  const remembered = Array.from({ length: 2000 }, (_, i) => swarms.others({}, `${i}`, 30).length);
  expect(remembered.reduce((sum, one) => sum + one, 0)).toBe(1000);
});
