import type { Dialled, Target } from '../machine/dial.ts';

/**
 * WHAT A KEEPER IS ASKED, AND ANSWERS: one table of routes, from which the server finds its handlers and the client its requests. All but
 * `health` take the token as `Authorization: Bearer …`. What changes something takes the hold, too, in the header HOLD_HEADER.
 * Errors are `{error: {code, message, hint}}` with codes of proto/errors.ts.
 */
export const ROUTES = {
  /** 200 while it is held; otherwise as long as the program answers its own `/healthz`: for the probes of a cluster. */
  health: { method: 'GET', path: '/healthz' },
  state: { method: 'GET', path: '/state' },
  /** Takes the hold, or renews it. */
  hold: { method: 'POST', path: '/hold' },
  /** Answers when the program runs with its own settings again. */
  release: { method: 'DELETE', path: '/hold' },
  start: { method: 'POST', path: '/program' },
  /** TERM also thaws what is frozen. */
  signal: { method: 'POST', path: '/program/signal' },
  /** Waits for the end of a life, for END_WAIT_MS at most. */
  end: { method: 'GET', path: '/program/end' },
  usage: { method: 'GET', path: '/program/usage' },
  /** The text of the log since it was last begun anew; of a log that was too long, the end. */
  log: { method: 'GET', path: '/log' },
  /** Removes all files. The program must have ended. */
  empty: { method: 'DELETE', path: '/share' },
  /** Makes a folder of the share. The program must have ended. */
  folder: { method: 'POST', path: '/share/folder' },
  /** One file; the body is its content. The program must have ended. */
  put: { method: 'PUT', path: '/share' },
  /**
   * Lines of JSON: a `Listed` for each file, then a `ListEnd`; empty lines say that a file is being read. With `under`, a name: those of
   * this folder of the share only, by their names in it.
   */
  list: { method: 'GET', path: '/share' },
  /** Whether its disk is full, until it is said otherwise or the keeper ends; and how much is free. */
  fill: { method: 'POST', path: '/share/full' },
  free: { method: 'GET', path: '/share/free' },
  /** What comes of connections from this pod to others. */
  dial: { method: 'POST', path: '/dial' },
} as const;

export type Route = keyof typeof ROUTES;

type Nothing = Readonly<Record<string, never>>;

/** The calls that answer with JSON. `asked`: the body in JSON of a POST, otherwise the query. */
export interface Calls {
  health: { asked: Nothing; answer: { status: string } };
  state: { asked: Nothing; answer: State };
  hold: { asked: { by: string }; answer: State };
  release: { asked: Nothing; answer: Nothing };
  start: { asked: { env: Readonly<Record<string, string>>; freshLog: boolean }; answer: { life: number } };
  signal: { asked: { signal: ProgramSignal }; answer: Nothing };
  end: { asked: { life: string }; answer: { ended: string | null } };
  usage: { asked: Nothing; answer: { usage: Usage | null } };
  empty: { asked: Nothing; answer: Nothing };
  folder: { asked: { name: string }; answer: Nothing };
  put: { asked: { name: string; size: string }; answer: Nothing };
  fill: { asked: { full: boolean }; answer: Nothing };
  free: { asked: Nothing; answer: { freeBytes: number } };
  /** At most MAX_DIALS at one time. */
  dial: { asked: { targets: readonly Target[]; timeoutMs: number }; answer: { dialled: readonly Dialled[] } };
}

/** What a keeper is, and in what state its program is. */
export interface State {
  /** Random, another one after each start of the keeper. */
  readonly keeper: string;
  /** How often the program has been started: each start is a life. */
  readonly life: number;
  /** How the present life ended, if it has. */
  readonly ended: string | null;
  readonly heldBy: string | null;
  /** How often a hold has been taken: while it stays the same, so does the hold. */
  readonly holds: number;
  /** A hold that is not renewed for so long lapses. */
  readonly leaseMs: number;
  /** Of the pod's own settings: the `ip:port` that it announces, and its control port. */
  readonly address: string | null;
  readonly controlPort: number;
  /** The program, with its arguments. */
  readonly command: readonly string[];
}

export interface Usage {
  readonly cpuSeconds: number;
  readonly memoryBytes: number;
}

export interface Listed {
  readonly name: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  /** What it is instead of a regular file, which alone has a size and a hash. */
  readonly kind?: 'link' | 'fifo' | 'socket' | 'device' | 'unreadable';
}

/** The last line of a list: without it the list was cut off. */
export interface ListEnd {
  readonly files: number;
}

export const SIGNALS = ['TERM', 'KILL', 'STOP', 'CONT'] as const;
export type ProgramSignal = (typeof SIGNALS)[number];

export const MAX_DIALS = 64;
export const HOLD_HEADER = 'x-peerlab-hold';
export const END_WAIT_MS = 25_000;

/** The variables that a lab may set for the program; the others are the pod's. */
export const SETTABLE = /^((PEER|DIRECTORY|DOUBLE)_[A-Z0-9_]+|LOG_LEVEL)$/;
/** Those that belong to the pod, whoever starts the program: its place on the network and on the disk. */
export const PODS_OWN: ReadonlySet<string> = new Set([
  'PEER_HOST',
  'PEER_PORT',
  'PEER_CONTROL_PORT',
  'PEER_ADVERTISE',
  'PEER_SHARE_DIR',
  'DIRECTORY_HOST',
  'DIRECTORY_PORT',
  'DIRECTORY_DATA_DIR',
]);
