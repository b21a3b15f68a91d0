import { expect, test } from 'vitest';
import { testedIn } from './tested.ts';

const OWN = { name: 'peerlab', version: '0.1.0' };

test('each program is told with the groups that ran it; one that nobody ran, and a double of the lab, is not', () => {
  const programs = [
    { role: 'directory', ...OWN },
    { role: 'peer', asked: 'my/peer:1', name: 'my/peer:1', digest: 'sha256:1' },
    { role: 'peer', asked: 'node peer.js', name: 'node peer.js' },
  ] as const;
  const peers = [
    { group: 'a' },
    { group: 'a' },
    { group: 'b', program: 'node peer.js' },
    { group: 'c', program: 'double: lying-peer' },
    { group: 'd' },
  ];
  expect(testedIn(peers, programs)).toEqual([
    { role: 'directory', ...OWN, isOwn: true },
    { role: 'peer', name: 'my/peer:1', digest: 'sha256:1', isOwn: false, groups: ['a', 'd'] },
    { role: 'peer', name: 'node peer.js', isOwn: false, groups: ['b'] },
  ]);
  const [, common] = testedIn([{ group: 'b', program: 'node peer.js' }], programs);
  expect(common).toMatchObject({ name: 'node peer.js', groups: ['b'] });
});
