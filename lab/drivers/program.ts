/** A PROGRAM UNDER TEST, named as exactly as it can be. */
export interface Program {
  /** As people call it: the name of an image, a command. */
  readonly name: string;
  /** Of an image: the digest of its content (`sha256:…`). Absent for one that is still to be pulled. */
  readonly digest?: string;
  /** Of a command: the files that its words name, and the SHA-256 of each. */
  readonly files?: { path: string; sha256: string }[];
  /** What it says of itself, where it does. */
  readonly version?: string;
}

/** A program in its role. */
export interface Tested extends Program {
  readonly role: 'directory' | 'peer';
  /** What the user asked for, word by word; absent for PeerLab's own. */
  readonly asked?: string;
}
