import { z } from 'zod';
import { PeerLabError } from '#proto/errors.ts';
import { type Behaviour, behaviour } from './behaviour.ts';
import { callPeer, callWish } from './calling.ts';
import { DirectoryLink } from './directory-link.ts';
import { type Counters, settings, startDouble } from './double.ts';
import { filesOf, type HashedFile } from './files.ts';
import { manners } from './manners.ts';
import { serve } from './serving.ts';
import { Visits } from './visits.ts';

/**
 * What `lab conformance` puts beside the peer that is checked. It logs in and serves like any other peer, tells the lab of each
 * call that was made to it, and calls the peer as the lab tells it to: the lab itself may be where no peer can be reached.
 */

const directory = new DirectoryLink();
const counters: Counters = { sent: 0, received: 0 };
const visits = new Visits();
let acts: Behaviour = behaviour.parse({});
let files: HashedFile[] = [];

async function look(): Promise<HashedFile[]> {
  files = await filesOf(settings.PEER_SHARE_DIR);
  return files;
}

const refuse = (what: string) => () => {
  throw new PeerLabError('not-capable', { about: 'the prober', got: what });
};

await look();
await serve({
  behaviour: () => acts,
  files: () => files,
  counters,
  visited: (method, metadata) => visits.note(method, metadata),
  takeUpload: (call, answer) => visits.takeUpload(call, answer),
});
startDouble(
  {
    ...manners(directory, look),
    download: refuse('a download'),
    upload: refuse('an upload'),
  },
  counters,
  {
    '/double/behaviour': (told) => {
      acts = behaviour.parse(told);
      return {};
    },
    '/double/call': (told) => callPeer(callWish.parse(told), directory.ticket),
    '/double/visits': (told) => visits.since(z.object({ since: z.number() }).parse(told).since),
  },
);
