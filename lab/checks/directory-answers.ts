import { matchesGlob } from '#proto/names.ts';
import { hashingSeconds } from '#proto/promises.ts';
import { counted } from '#proto/units.ts';
import type { FileRecord, OperationEvent } from '../history/events.ts';
import { type Check, noneWrong } from './check.ts';
import { type History, isTransfer, receiverOf } from './history.ts';
import { type Interval, intersect, PUBLISHING_DELAY_SECONDS, presenceOf } from './presence.ts';

/**
 * THE ORACLE FOR THE DIRECTORY: every answer to index and search, held against who really shared what at that time.
 *
 * The history gives each entry (peer, file) two kinds of time. *Possible*: from the moment at which the operation that published
 * it began, until the one that ended it was done. *Certain*: from the moment at which the publishing operation was done (for
 * a received file, with a publishing delay more), until the ending one began. Between the two, an answer may say either. An
 * entry in an answer is true when it was possible at any moment of the question; an entry that was certain during the whole question must
 * be in the answer, by its content: of two names for one content, a search shows one. Logout ends an entry at once: no
 * lease excuses one that stays. presence.ts has what faults do to this.
 */

interface Entry {
  readonly peer: string;
  readonly file: string;
  readonly possible: readonly Interval[];
  readonly certain: readonly Interval[];
}

export interface Judgement {
  readonly answers: number;
  readonly precision?: number;
  readonly recall?: number;
  readonly stalenessSeconds?: number;
  readonly wrong: readonly string[];
  /** The only peer that passed on what is wrong, where others passed on what is right. */
  readonly doubt?: string;
}

export function judgeAnswers(history: History): Judgement {
  const { facts, events, answers, shares } = history;
  if (answers.length === 0) return { answers: 0, wrong: [] };
  const nameOf = new Map(facts.peers.flatMap(({ name, address }) => (address ? [[address, name] as const] : [])));
  const contentOf = new Map(shares.map((file) => [file.name, file]));
  const entries = timelineOf(history);
  const questions = new Map(events.map((event) => [event.id, event]));
  const counts = { named: 0, true: 0, due: 0, found: 0, stale: 0 };
  const wrong: string[] = [];
  const rightlyTold = new Set<string>();
  const wronglyTold = new Set<string>();

  for (const { id, entries: named } of answers) {
    const question = questions.get(id);
    if (!question) continue;
    const wrongBefore = wrong.length;
    const said = new Set<string>();
    for (const [address, file, sha256, size] of named) {
      const peer = nameOf.get(address) ?? address;
      said.add(key(peer, sha256));
      counts.named++;
      const flaw = flawOf(entries.get(key(peer, file)), question, otherContent(contentOf.get(file), sha256, size));
      if (flaw === undefined) counts.true++;
      else {
        counts.stale = Math.max(counts.stale, flaw.staleSeconds);
        wrong.push(
          `${question.operation} of ${question.peer} at ${question.start.toFixed(2)} s: ${peer} "${file}" ${flaw.wrong}`,
        );
      }
    }
    for (const entry of dueIn(entries.values(), question)) {
      counts.due++;
      if (said.has(key(entry.peer, contentOf.get(entry.file)?.sha256 ?? ''))) counts.found++;
      else
        wrong.push(
          `${question.operation} of ${question.peer} at ${question.start.toFixed(2)} s: ${entry.peer} "${entry.file}" is missing`,
        );
    }
    (wrong.length > wrongBefore ? wronglyTold : rightlyTold).add(question.peer);
  }
  return {
    answers: answers.length,
    ...(counts.named > 0 && { precision: counts.true / counts.named, stalenessSeconds: counts.stale }),
    ...(counts.due > 0 && { recall: counts.found / counts.due }),
    wrong,
    ...doubtOf(wronglyTold, rightlyTold),
  };
}

/**
 * The lab hears the directory's answers through the peers that asked. When only one of several passed on what is wrong, it
 * may be that peer's word.
 */
function doubtOf(wronglyTold: ReadonlySet<string>, rightlyTold: ReadonlySet<string>): Pick<Judgement, 'doubt'> {
  const [teller] = wronglyTold;
  if (teller === undefined || wronglyTold.size > 1 || rightlyTold.isSubsetOf(wronglyTold)) return {};
  return { doubt: teller };
}

/** What an entry says of a content that is not so. */
function otherContent(known: FileRecord | undefined, sha256: string, size: number | undefined): string | undefined {
  if (known?.sha256 !== sha256) return 'has another hash there';
  if (size !== undefined && size !== known.size) return `has ${size} bytes there, and in truth ${known.size}`;
  return undefined;
}

/** The entries that an answer must name. */
export function dueIn(entries: Iterable<Entry>, question: Question): Entry[] {
  return [...entries].filter((entry) => isAskedFor(entry, question) && isCertain(entry, question));
}

type Question = Pick<OperationEvent, 'operation' | 'asked' | 'start' | 'end'>;

const key = (peer: string, file: string) => `${peer}\0${file}`;

function isAskedFor({ file }: Entry, question: Question): boolean {
  return question.operation === 'index' || matchesGlob(file, question.asked ?? '*');
}

function isCertain({ certain }: Entry, { start, end }: Question): boolean {
  return certain.some(({ from, until }) => from <= start && until >= end);
}

/** Undefined when the entry was true. */
function flawOf(
  entry: Entry | undefined,
  { start, end }: OperationEvent,
  otherContent: string | undefined,
): { staleSeconds: number; wrong: string } | undefined {
  if (!entry) return { staleSeconds: 0, wrong: 'was never there' };
  if (otherContent !== undefined) return { staleSeconds: 0, wrong: otherContent };
  if (entry.possible.some(({ from, until }) => from <= end && until >= start)) return undefined;
  const ends = entry.possible.map(({ until }) => until).filter((until) => until < start);
  if (ends.length === 0) return { staleSeconds: 0, wrong: 'was not there yet' };
  const staleSeconds = start - Math.max(...ends);
  return { staleSeconds, wrong: `had been gone for ${staleSeconds.toFixed(1)} s` };
}

/** When each (peer, file) was, possibly and certainly, in the directory. */
export function timelineOf({ facts, events, faults, shares }: History): Map<string, Entry> {
  const entries = new Map<string, Entry>();
  const received = Map.groupBy(
    events.filter((event) => isTransfer(event) && event.file !== undefined),
    receiverOf,
  );
  const sessions = Map.groupBy(
    events.filter(({ operation }) => operation === 'login' || operation === 'logout'),
    ({ peer }) => peer,
  );
  for (const { name: peer, group } of facts.peers) {
    const own = shares.filter((file) => file.peer === peer);
    const hashing = hashingSeconds(own.reduce((sum, { size }) => sum + size, 0));
    const online = presenceOf({ name: peer, group }, sessions.get(peer) ?? [], faults, facts);
    // A long share need not be there whole when the login has answered.
    const published = online.certain.map(({ from, until }) => ({ from: Math.min(from + hashing, until), until }));
    const add = (file: string, had: Interval, surely: Interval | undefined) => {
      const possible = intersect(online.possible, had);
      const certain = surely ? intersect(published, surely) : [];
      const known = entries.get(key(peer, file));
      entries.set(key(peer, file), {
        peer,
        file,
        possible: [...(known?.possible ?? []), ...possible],
        certain: [...(known?.certain ?? []), ...certain],
      });
    };
    const forever = { from: Number.NEGATIVE_INFINITY, until: Number.POSITIVE_INFINITY };
    for (const { name } of own) add(name, forever, forever);
    for (const { file, start, end, outcome } of received.get(peer) ?? []) {
      // A transfer that failed may have succeeded all the same, when only its answer was lost.
      const surely = outcome === 'ok' ? { from: end + PUBLISHING_DELAY_SECONDS, until: forever.until } : undefined;
      add(file as string, { from: start, until: forever.until }, surely);
    }
  }
  return entries;
}

export const directoryTells: Check = {
  name: 'directory tells the truth',
  question:
    'Does every answer to index and search name all peers that certainly shared a file, and no peer that could not have it?',
  judge(history) {
    const { answers, wrong, doubt } = judgeAnswers(history);
    const judged = noneWrong(
      wrong,
      answers === 0 ? 'no peer asked it' : `${counted(answers, 'answer')} compared with who really shared what`,
    );
    if (doubt === undefined) return judged;
    return { ...judged, reason: `${judged.reason}; only ${doubt} passed on what is wrong: it may be ${doubt}'s word` };
  },
};
