import { counted } from '#proto/units.ts';
import type { OperationEvent } from '../history/events.ts';
import { type Check, noneWrong } from './check.ts';
import { dueIn, timelineOf } from './directory-answers.ts';
import { type History, isTransfer, receiverOf } from './history.ts';
import { disturbancesOfDirectory, PUBLISHING_DELAY_SECONDS, spanOf } from './presence.ts';

/**
 * The whole way of a file, to its end: what a peer received, others can find; and who logged out, nobody finds. Other checks see what a
 * peer has; here the lab itself asked the index before a step in which peers log out or end, and at the end. What no look could see is
 * no failure, but the reason says it.
 */
export const directoryLists: Check = {
  name: 'directory lists the shares',
  question:
    'When the lab itself looked, did the index name every file on the disk of each peer that was certainly logged in, and no peer that had certainly logged out?',
  judge(history) {
    const { facts, stored, shares } = history;
    // Who was asked to end is for the check of ends to judge.
    const looks = history.looks.filter(({ ended }) => ended === undefined);
    const timeline = timelineOf(history);
    const addressOf = new Map(facts.peers.map(({ name, address }) => [name, address]));
    const hashOf = new Map(shares.map(({ name, sha256 }) => [name, sha256]));
    const listing = (peer: string, file: string) => `${addressOf.get(peer)}\0${hashOf.get(file)}`;
    // What is not on the disk, or wrong there, is for the check of integrity to say.
    const onDisk = new Set(
      stored.filter(({ name, sha256 }) => hashOf.get(name) === sha256).map(({ peer, name }) => `${peer}\0${name}`),
    );
    const lying = [...onDisk].map((which) => {
      const [peer = '', file = ''] = which.split('\0');
      return listing(peer, file);
    });
    const wrong: string[] = [];
    const unasked: string[] = [];
    const seen = new Set<string>();
    const seenGone = new Set<OperationEvent>();
    for (const { start, end, through, entries, error } of looks) {
      const due = dueIn(timeline.values(), { operation: 'index', start, end }).filter(({ peer, file }) =>
        onDisk.has(`${peer}\0${file}`),
      );
      if (entries === undefined) {
        if (due.length > 0) unasked.push(`at ${start.toFixed(2)} s no peer answered with the index: ${error}`);
        continue;
      }
      const addresses = new Set(entries.map(([address]) => address));
      const named = new Set(entries.map(([address, , sha256]) => `${address}\0${sha256}`));
      // Also those that were not due yet: a look ends as soon as it has seen all.
      for (const file of lying) if (named.has(file)) seen.add(file);
      for (const { peer, file } of due) {
        if (!named.has(listing(peer, file)))
          wrong.push(
            `${peer}: "${file}" lies on its disk, and the index at ${start.toFixed(2)} s did not name it (asked through ${through})`,
          );
      }
      for (const logout of certainLogouts(history, end)) {
        if (logout.end > start) continue;
        if (!addresses.has(addressOf.get(logout.peer) ?? '')) seenGone.add(logout);
        else if (logout.end + PUBLISHING_DELAY_SECONDS < start)
          wrong.push(
            `${logout.peer}: it answered its logout at ${logout.end.toFixed(2)} s, and the index at ${start.toFixed(2)} s still named it (asked through ${through})`,
          );
      }
    }
    if (wrong.length === 0 && unasked.length > 0)
      return { verdict: 'inconclusive', reason: unasked[0] as string, details: unasked.slice(0, 20) };
    const received = receivedFiles(history).filter(({ peer, file }) => onDisk.has(`${peer}\0${file}`));
    const unseen = received.filter(({ peer, file }) => !seen.has(listing(peer, file))).length;
    const unseenGone = certainLogouts(history, Number.POSITIVE_INFINITY).filter((logout) => !seenGone.has(logout));
    return noneWrong(
      wrong,
      [
        looks.length === 0
          ? 'no peer without a fault was logged in when the lab looked'
          : `the index named ${counted(seen.size, 'file')} that lay on disks, and missed none that was due (${counted(looks.length, 'look')} of the lab)`,
        ...(unseen > 0
          ? [
              `not seen of ${counted(unseen, 'received file')}: their peers logged out, ended or had a fault before the lab could look`,
            ]
          : []),
        ...(unseenGone.length > 0
          ? [`nobody was left to ask after the logout of ${counted(unseenGone.length, 'peer')}`]
          : []),
      ].join('; '),
    );
  },
};

/** What peers received, each file of a peer once. */
function receivedFiles({ events }: History): { peer: string; file: string }[] {
  const files = new Map<string, { peer: string; file: string }>();
  for (const event of events) {
    if (!isTransfer(event) || event.outcome !== 'ok' || event.file === undefined) continue;
    const peer = receiverOf(event);
    files.set(`${peer}\0${event.file}`, { peer, file: event.file });
  }
  return [...files.values()];
}

/** The logouts that hold at a time for certain: nothing that came later, or went on beside them, can have undone them. */
function certainLogouts({ events, faults, facts }: History, at: number): OperationEvent[] {
  const ofDirectory = disturbancesOfDirectory(faults, facts);
  const sessions = Map.groupBy(
    events.filter(({ operation, start }) => (operation === 'login' || operation === 'logout') && start <= at),
    ({ peer }) => peer,
  );
  return [...sessions].flatMap(([peer, own]) => {
    const last = own.reduce((latest, event) => (event.start > latest.start ? event : latest));
    if (last.operation !== 'logout' || last.outcome !== 'ok') return [];
    // A login whose answer was lost may come after all.
    const isSettled = own.every(
      ({ operation, outcome, error, end }) =>
        operation === 'logout' || (end <= last.start && (outcome === 'ok' || error?.definite)),
    );
    // Who is cut off is not heard; what happens to the directory may bring back what it knew.
    const disturbances = [...faults.filter(({ who }) => who === peer).map(spanOf), ...ofDirectory];
    const isDisturbed = disturbances.some(({ until }) => until >= last.start);
    return isSettled && !isDisturbed ? [last] : [];
  });
}
