import { setTimeout as sleep } from 'node:timers/promises';
import { PeerLabError } from '#proto/errors.ts';
import { type Behaviour, behaviour } from './behaviour.ts';
import { DirectoryLink } from './directory-link.ts';
import { type Counters, settings, startDouble } from './double.ts';
import { fetchFile } from './fetching.ts';
import { filesOf, type HashedFile } from './files.ts';
import { manners } from './manners.ts';
import { sample, serve } from './serving.ts';

/**
 * A peer that takes part like any other (it logs in, serves, fetches from one source) and does wrong what it is told to: it lies
 * about content, sends slowly, reads slowly. In a scenario it is `double: byzantine-peer`; behaviour.ts has what it can do.
 */

const GOODBYE_MS = 2000;

const directory = new DirectoryLink();
const counters: Counters = { sent: 0, received: 0 };
let acts: Behaviour = behaviour.parse(process.env);
let files: HashedFile[] = [];

async function look(): Promise<HashedFile[]> {
  files = await filesOf(settings.PEER_SHARE_DIR);
  return files;
}

await look();
await serve({ behaviour: () => acts, files: () => files, counters });
startDouble(
  {
    ...manners(directory, look),
    download: async ({ name, sha256 }) => {
      const { results } = await directory.search(sha256 ? { sha256 } : { name });
      const result = await fetchFile(name, results, { behaviour: acts, counters, ticket: directory.ticket });
      await directory.publish(await look());
      if (!acts.DOUBLE_GHOST) return result;
      return { ...result, sources: [...result.sources, { peer: '127.0.0.1:1', bytes: result.bytes }] };
    },
    upload: () => {
      throw new PeerLabError('not-capable', { about: 'a double', got: 'an upload' });
    },
  },
  counters,
  {
    '/double/behaviour': (told) => {
      acts = behaviour.parse({ ...process.env, ...(told as object) });
      return {};
    },
    '/double/sample': () => sample(files, acts.DOUBLE_LIES),
  },
  async () => {
    // A directory that does not answer keeps nobody here.
    if (!acts.DOUBLE_STAYS) await Promise.race([directory.logout(), sleep(GOODBYE_MS)]);
  },
);
