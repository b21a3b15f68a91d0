import { expect, test } from 'vitest';
import { piecesOf, rarestOf, runsOf, together } from './pieces.ts';
import { EMPTY_SCENE, type Instance, newInstance, type Scene, type UnderWay } from './scene.ts';

const ONE = { size: 30, pieces: 3 };
const fetches = (id: number, peer: string): UnderWay => ({
  ...{ id, step: '1', operation: 'download', peer, file: 'x', to: undefined, since: 0, deadlineSeconds: 9 },
});
const scene = (instances: Instance[], underWay: UnderWay[] = []): Scene => ({
  ...EMPTY_SCENE,
  instances: new Map(instances.map((one) => [one.name, one])),
  underWay: new Map(underWay.map((one) => [one.id, one])),
  contents: new Map([['x', ONE]]),
});
const has = (name: string, map: string) =>
  newInstance(name, { pieces: new Map([['x', { ...ONE, there: map.replaceAll('0', '').length, map }]]) });
const WHOLE = newInstance('s-1', { files: new Map([['x', 30]]) });

test('who has something of a file, or is fetching it, is a row; the others are none', () => {
  const peers = [newInstance('directory'), WHOLE, has('l-1', '090'), newInstance('l-2'), newInstance('l-3')];
  const { rows, ...content } = piecesOf(scene(peers, [fetches(0, 'l-2')]), 'x');
  expect(content).toEqual(ONE);
  expect(rows.map(({ peer, levels, part }) => [peer.name, levels, part])).toEqual([
    ['s-1', [1, 1, 1], 1],
    ['l-1', [0, 1, 0], 1 / 3],
    ['l-2', [0, 0, 0], 0],
  ]);
});

test('what all have together, and what few have', () => {
  const { rows } = piecesOf(scene([has('a', '990'), has('b', '090'), has('c', '900'), has('d', '940')]), 'x');
  expect(together(rows)).toEqual([0.75, expect.closeTo((2 + 4 / 9) / 4), 0]);
  expect(rarestOf(rows)).toBe(0);
  expect(rarestOf(piecesOf(scene([WHOLE, has('a', '990')]), 'x').rows)).toBe(1);
  expect([together([]), rarestOf([])]).toEqual([[], 0]);
});

test('places next to each other are drawn as one, and nothing is not drawn', () => {
  expect(runsOf('0990399')).toEqual([
    { at: 1, length: 2, level: 1 },
    { at: 4, length: 1, level: 1 / 3 },
    { at: 5, length: 2, level: 1 },
  ]);
  expect(runsOf('900')).toEqual([{ at: 0, length: 1, level: 1 }]);
  expect(runsOf([])).toEqual([]);
});
