import { expect, test } from 'vitest';
import { doubleProgram, ownImage, ownProgram, usersProgram, usersProgramLack, version } from './programs.ts';

test('images of PeerLab are those that are loaded, or those of a registry', () => {
  expect(ownImage('peer', {})).toBe(`peerlab/peer:${version()}`);
  const env = { PEERLAB_KUBERNETES_REGISTRY: 'registry.example.org/class/' };
  expect(ownImage('lab', env)).toBe(`registry.example.org/class/peerlab/lab:${version()}`);
  expect(ownProgram('directory').command?.at(-1)).toBe('/app/images/directory/main.js');
  expect(doubleProgram('byzantine-peer').command).toEqual(['node', '/app/lab/doubles/byzantine-peer.ts']);
});

test("a program of the user's is an image, perhaps with a command", () => {
  expect(usersProgram('example/peer:1')).toEqual({ image: 'example/peer:1', isUsers: true });
  expect(usersProgram('example.org:5000/a/peer@sha256:00 python3  /srv/peer.py')).toEqual({
    image: 'example.org:5000/a/peer@sha256:00',
    isUsers: true,
    command: ['python3', '/srv/peer.py'],
  });
  expect(() => usersProgram('./peer.sh')).toThrow(/no image can have the name .\/peer.sh/);
  expect(usersProgramLack('Peer')).toMatchObject({ help: expect.stringContaining('example/peer:1') });
});
