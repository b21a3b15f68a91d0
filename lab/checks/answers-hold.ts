import { counted } from '#proto/units.ts';
import type { FileRecord, OperationEvent } from '../history/events.ts';
import { type Check, noneWrong } from './check.ts';
import { isTransfer } from './history.ts';

/** Beside `integrity`, which takes no word for a file: a peer may store the right bytes and tell wrong things of them. */
export const answersHold: Check = {
  name: 'answers hold',
  question: 'Did every answer to a transfer name the size and the SHA-256 that the file really has?',
  judge({ events, shares }) {
    const truth = new Map(shares.map((file) => [file.name, file]));
    const answered = events.filter((event) => isTransfer(event) && event.outcome === 'ok' && event.told !== undefined);
    return noneWrong(
      answered.flatMap((event) => lieOf(event, truth.get(event.file ?? '')) ?? []),
      `${counted(answered.length, 'answer')} to transfers held against the files of the shares`,
    );
  },
};

/** A file that no share had is for `integrity` to tell. */
function lieOf({ peer, operation, file, told }: OperationEvent, truth: FileRecord | undefined): string | undefined {
  if (!told || !truth) return undefined;
  const wrong = (what: string) => `${peer} answered that its ${operation} of "${file}" is done, and names ${what}`;
  if (told.size !== truth.size) return wrong(`${told.size} bytes instead of ${truth.size}`);
  if (told.sha256 !== truth.sha256) return wrong(`the SHA-256 ${told.sha256} instead of ${truth.sha256}`);
  return undefined;
}
