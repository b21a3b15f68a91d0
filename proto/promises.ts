/**
 * THE TABLE OF DEADLINES: how long the programs of a run may take, each as one number. Who keeps a promise and who holds it against them read
 * it here, and so does docs/peer-contract.md.
 */
export interface PromiseSpec {
  readonly ms: number;
  readonly keptBy: 'peer' | 'peer, directory' | 'lab';
  /** What must happen within that time. */
  readonly is: string;
}

const control = (what: string) =>
  ({ ms: 60_000, keptBy: 'peer', is: `\`POST /control/${what}\` has answered` }) as const;
const transfer = (what: string) => ({ ...control(what), ms: 300_000 }) as const;

export const PROMISES = {
  ready: {
    ms: 60_000,
    keptBy: 'peer, directory',
    is: '`GET /healthz` answers 200, counted from the start of the program',
  },
  health: {
    ms: 10_000,
    keptBy: 'peer, directory',
    is: '`GET /healthz` has answered, whatever else the program does',
  },
  metrics: {
    ms: 2000,
    keptBy: 'peer, directory',
    is: '`GET /metrics` has answered; a later answer is left out of the figures',
  },
  login: control('login'),
  index: control('index'),
  search: control('search'),
  loadfiles: control('loadfiles'),
  logout: control('logout'),
  download: transfer('download'),
  upload: transfer('upload'),
  publish: {
    ms: 2000,
    keptBy: 'peer, directory',
    is: 'the directory lists what the share of a logged-in peer holds, and no longer lists a peer whose lease has ended',
  },
  lease: {
    ms: 30_000,
    keptBy: 'peer',
    is: 'a heartbeat has renewed the registration (the default of `DIRECTORY_LEASE`; the login answers with the real value)',
  },
  idle: {
    ms: 4000,
    keptBy: 'lab',
    is: 'the lab closes a control connection that it does not use; a peer that closes earlier loses calls',
  },
  end: {
    ms: 8000,
    keptBy: 'peer, directory',
    is: 'after SIGTERM the program has ended by itself; the lab kills one that has not, and the run fails',
  },
} as const satisfies Record<string, PromiseSpec>;

/** A login waits no longer than this for hashes; what takes longer is published later. */
export const LOGIN_WAITS_MS = 10_000;
/** But not later than at this pace, of the whole share. Slower than any disk or hash here: the machine may have other work. */
export const HASHED_BYTES_PER_SECOND = 20_000_000;

/** How long after its login a peer may still be hashing a share of this size: 0 for one that the login waits for. */
export function hashingSeconds(shareBytes: number): number {
  const seconds = shareBytes / HASHED_BYTES_PER_SECOND;
  return seconds * 1000 > LOGIN_WAITS_MS ? seconds : 0;
}

export function secondsOf(promise: keyof typeof PROMISES): number {
  return PROMISES[promise].ms / 1000;
}
