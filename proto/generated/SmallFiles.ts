// Original file: proto/peer.proto

import type { SmallFile as _SmallFile, SmallFile__Output as _SmallFile__Output } from './SmallFile.ts';

export interface SmallFiles {
  'files'?: (_SmallFile)[];
}

export interface SmallFiles__Output {
  'files': (_SmallFile__Output)[];
}
