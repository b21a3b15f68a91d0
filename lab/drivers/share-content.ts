import { Readable } from 'node:stream';
import type { HostedPeers } from '#proto/hosted-peers.ts';
import type { PeerSpec, ShareFile } from './driver.ts';

/** Files that go into one folder of a share: '' is the share itself. */
export interface ShareContent {
  readonly path: string;
  readonly files: readonly ShareFile[];
}

/** The list of hosted peers, beside their folders: no peer has a name with a dot. */
export const HOSTED_FILE = 'hosted.json';

/** What lies in the one share of a host: a folder for each peer, and the list of them. */
export function contentOfHost(peers: readonly PeerSpec[], list: HostedPeers): ShareContent[] {
  return [
    { path: '', files: [fileOf(HOSTED_FILE, JSON.stringify(list))] },
    ...peers.map(({ name, share }) => ({ path: name, files: share })),
  ];
}

function fileOf(name: string, text: string): ShareFile {
  return { name, sizeBytes: Buffer.byteLength(text), open: () => Readable.from([Buffer.from(text)]) };
}
