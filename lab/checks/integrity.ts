import { counted } from '#proto/units.ts';
import { type FileRecord, MACHINE_FAULTS, type StoredRecord } from '../history/events.ts';
import { type Check, noneWrong } from './check.ts';
import { type History, isTransfer, receiverOf } from './history.ts';

/** Unfinished downloads live in this folder of a share; they have no final name yet. */
export const UNFINISHED = '.peerlab/';

/** A socket there is how PeerLab's own peer holds its share: it is neither a file nor left of one. */
export function isLock({ name, kind }: StoredRecord): boolean {
  return kind === 'socket' && name.startsWith(UNFINISHED);
}

const key = (peer: string, name: string) => `${peer}\0${name}`;

export interface Integrity {
  readonly verified: number;
  /** A sentence for each file under a final name that is wrong, missing, or should not exist, and for what is no file. */
  readonly wrong: readonly string[];
}

/** Compares every disk at the end with what must lie there: the share as made, and every file that was received. */
export function compareDisks({ events, shares: made, stored: found, faults }: History): Integrity {
  // What lay there went with its machine.
  const gone = new Set(faults.filter(({ kind }) => MACHINE_FAULTS.has(kind)).map(({ who }) => who));
  const shares = made.filter(({ peer }) => !gone.has(peer));
  const stored = found.filter((one) => !isLock(one));
  const truth = new Map(made.map((file) => [file.name, file]));
  const disk = new Map(stored.map((file) => [key(file.peer, file.name), file]));
  const initial = new Set(shares.map((file) => key(file.peer, file.name)));
  const received = new Map<string, { peer: string; name: string }>();
  for (const event of events) {
    if (!isTransfer(event) || event.outcome !== 'ok' || event.file === undefined) continue;
    const peer = receiverOf(event);
    if (!gone.has(peer)) received.set(key(peer, event.file), { peer, name: event.file });
  }
  const wrong: string[] = [];
  let verified = 0;
  for (const [id, { peer, name }] of received) {
    const flaw = flawOf(disk.get(id), truth.get(name));
    if (flaw) wrong.push(`${peer}: "${name}" was received, but ${flaw}`);
    else verified++;
  }
  for (const file of shares) {
    const flaw = flawOf(disk.get(key(file.peer, file.name)), file);
    if (flaw) wrong.push(`${file.peer}: "${file.name}" was in the share at the start, and now ${flaw}`);
  }
  for (const file of stored) {
    const id = key(file.peer, file.name);
    if (initial.has(id) || received.has(id) || (!file.kind && file.name.startsWith(UNFINISHED))) continue;
    // A transfer whose answer was lost may have ended well: then the file is right, and nothing is wrong.
    const flaw = file.kind || truth.has(file.name) ? flawOf(file, truth.get(file.name)) : 'no transfer accounts for it';
    if (flaw) wrong.push(`${file.peer}: "${file.name}" is in the share, but ${flaw}`);
  }
  return { verified, wrong };
}

const ODD: Readonly<Record<NonNullable<StoredRecord['kind']>, string>> = {
  link: 'is a symbolic link',
  fifo: 'is a FIFO',
  socket: 'is a socket',
  device: 'is a device',
  unreadable: 'nobody is allowed to read it',
};

function flawOf(found: StoredRecord | undefined, truth: FileRecord | undefined): string | undefined {
  if (!found) return 'is not on the disk';
  if (found.kind) return `${ODD[found.kind]}${found.kind === 'unreadable' ? '' : ', and no regular file'}`;
  if (!truth) return 'no share had such a file';
  if (found.size !== truth.size) return `has ${found.size} bytes instead of ${truth.size}`;
  if (found.sha256 !== truth.sha256) return `its SHA-256 is ${found.sha256} instead of ${truth.sha256}`;
  return undefined;
}

export const integrity: Check = {
  name: 'integrity',
  question: 'Is every file under a final name right, byte for byte, when it is read from the disk?',
  judge(history) {
    const { verified, wrong } = compareDisks(history);
    return noneWrong(wrong, `${counted(verified, 'received file')} read from the disk and right, byte for byte`);
  },
};
