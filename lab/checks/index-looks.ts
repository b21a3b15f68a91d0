import { counted } from '#proto/units.ts';
import { type Check, noneWrong } from './check.ts';
import { dueIn, timelineOf } from './directory-answers.ts';

/**
 * The whole way of a file, to its end: what a peer received, others can find. Other checks see what a peer has; here the lab itself asked
 * the index before peers logged out, and at the end.
 */
export const directoryLists: Check = {
  name: 'directory lists the shares',
  question:
    'When the lab itself looked, did the index name every file on the disk of each peer that was certainly logged in?',
  judge(history) {
    const { facts, looks, stored, shares } = history;
    if (looks.length === 0)
      return { verdict: 'pass', reason: 'no peer was logged in when the lab looked', details: [] };
    const timeline = timelineOf(history);
    const addressOf = new Map(facts.peers.map(({ name, address }) => [name, address]));
    const hashOf = new Map(shares.map(({ name, sha256 }) => [name, sha256]));
    // What is not on the disk, or wrong there, is for the check of integrity to say.
    const onDisk = new Set(
      stored.filter(({ name, sha256 }) => hashOf.get(name) === sha256).map(({ peer, name }) => `${peer}\0${name}`),
    );
    const lying = [...onDisk].map((which) => {
      const [peer = '', file = ''] = which.split('\0');
      return `${addressOf.get(peer)}\0${hashOf.get(file)}`;
    });
    const wrong: string[] = [];
    const unasked: string[] = [];
    let seen = 0;
    for (const { start, end, through, entries, error } of looks) {
      const due = dueIn(timeline.values(), { operation: 'index', start, end }).filter(({ peer, file }) =>
        onDisk.has(`${peer}\0${file}`),
      );
      if (entries === undefined) {
        if (due.length > 0) unasked.push(`at ${start.toFixed(2)} s no peer answered with the index: ${error}`);
        continue;
      }
      const named = new Set(entries.map(([address, , sha256]) => `${address}\0${sha256}`));
      // Also those that were not due yet: a look ends as soon as it has seen all.
      seen += lying.filter((file) => named.has(file)).length;
      for (const { peer, file } of due) {
        if (!named.has(`${addressOf.get(peer)}\0${hashOf.get(file)}`))
          wrong.push(
            `${peer}: "${file}" lies on its disk, and the index at ${start.toFixed(2)} s did not name it (asked through ${through})`,
          );
      }
    }
    if (wrong.length === 0 && unasked.length > 0)
      return { verdict: 'inconclusive', reason: unasked[0] as string, details: unasked.slice(0, 20) };
    return noneWrong(
      wrong,
      `the index named ${seen} files that lay on disks, and missed none that was due (${counted(looks.length, 'look')} of the lab)`,
    );
  },
};
