import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { Container } from 'dockerode';
import { extract } from 'tar-stream';
import { PeerLabError } from '#proto/errors.ts';
import type { EngineConnection } from './connection.ts';

/** Numbers of a user and of its group. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Who the programs of a container run as. `user` as images have it: empty (root), `uid`, `uid:gid`, or a name, which
 * only the container's own list of users explains (the engine would look it up in the host's).
 * @throws PeerLabError `engine-failed` for a name that is not in that list, or a group that is given by name
 */
export async function ownerOf(engine: EngineConnection, container: Container, user: string): Promise<Owner> {
  if (user === '') return { uid: 0, gid: 0 };
  const numbers = /^(\d+)(?::(\d+))?$/.exec(user);
  if (numbers) return { uid: Number(numbers[1]), gid: Number(numbers[2] ?? 0) };
  const archive = await engine.call('read the users', container.getArchive({ path: '/etc/passwd' }));
  const line = (await firstFile(archive as Readable)).split('\n').find((entry) => entry.startsWith(`${user}:`));
  const [, , uid, gid] = line?.split(':') ?? [];
  if (uid && gid) return { uid: Number(uid), gid: Number(gid) };
  throw new PeerLabError('engine-failed', { expected: 'an image whose user is a number or in /etc/passwd', got: user });
}

async function firstFile(archive: Readable): Promise<string> {
  const entries = archive.pipe(extract());
  archive.once('error', (error) => entries.destroy(error));
  for await (const entry of entries) return text(entry as unknown as Readable);
  return '';
}
