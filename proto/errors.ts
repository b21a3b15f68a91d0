/**
 * THE ERROR REGISTRY. Every error that leaves a program of PeerLab has a code from this table, and says what was
 * expected, what came, and what to do next. docs/errors.md is made from it.
 *
 * `http` is the status in a REST answer, `grpc` the status of a call (numbers: grpc/status.proto), `exit` the lab's exit code.
 * `definite` is Maelstrom's word: true means that the operation certainly did not take effect; false means that it may have.
 */
export interface ErrorKind {
  readonly http: number;
  readonly grpc: number;
  readonly exit?: number;
  readonly definite: boolean;
  readonly meaning: string;
  readonly next: string;
}

const GRPC = {
  CANCELLED: 1,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;

/** Exit codes of the lab, in one place (sysexits.h names 64 EX_USAGE and 75 EX_TEMPFAIL). */
export const EXIT = { pass: 0, fail: 1, usage: 64, inconclusive: 75, interrupted: 130 } as const;

export const ERRORS = {
  // Requests
  'bad-request': {
    http: 400,
    grpc: GRPC.INVALID_ARGUMENT,
    definite: true,
    meaning: 'the request is not understood',
    next: 'Compare the request with the API reference in docs/.',
  },
  'dialect-off': {
    http: 400,
    grpc: GRPC.INVALID_ARGUMENT,
    definite: true,
    meaning: 'this is a request of the SD_P2P dialect, and the dialect is off here',
    next: 'Start the directory with DIRECTORY_SD_P2P=1, if peers of the predecessor should take part (docs/directory-api.md).',
  },
  'bad-name': {
    http: 400,
    grpc: GRPC.INVALID_ARGUMENT,
    definite: true,
    meaning: 'this is not a name that a share can hold',
    next: 'Use 1 to 255 bytes of UTF-8 without /, \\, NUL or bidirectional controls; not "." or "..".',
  },
  'body-too-large': {
    http: 413,
    grpc: GRPC.RESOURCE_EXHAUSTED,
    definite: true,
    meaning: 'the request body is over the limit',
    next: 'Send fewer files in one request, or raise the limit of the service.',
  },
  'no-such-route': {
    http: 404,
    grpc: GRPC.NOT_FOUND,
    definite: true,
    meaning: 'there is no such endpoint',
    next: 'See the list of endpoints in the README.',
  },
  'only-reading': {
    http: 405,
    grpc: GRPC.UNIMPLEMENTED,
    definite: true,
    meaning: 'this page only shows what is there',
    next: 'Ask with GET or HEAD.',
  },
  'foreign-request': {
    http: 403,
    grpc: GRPC.PERMISSION_DENIED,
    definite: true,
    meaning: 'the request came by a name or from a page that is not of this server',
    next: 'Use the address that `bin/lab serve` printed.',
  },
  'too-deep': {
    http: 400,
    grpc: GRPC.INVALID_ARGUMENT,
    definite: true,
    meaning: 'the JSON of the request is nested too deep',
    next: 'Compare the request with the API reference in docs/; no body needs more than a few levels.',
  },
  'headers-too-large': {
    http: 431,
    grpc: GRPC.RESOURCE_EXHAUSTED,
    definite: true,
    meaning: 'the headers of the request are over the limit',
    next: 'Send fewer or shorter headers: the limit is 16 KiB.',
  },
  'too-slow': {
    http: 408,
    grpc: GRPC.DEADLINE_EXCEEDED,
    definite: true,
    meaning: 'the request did not arrive completely in time',
    next: 'Send it again, over a better connection or in smaller parts.',
  },
  'too-many-files': {
    http: 413,
    grpc: GRPC.RESOURCE_EXHAUSTED,
    definite: true,
    meaning: 'the peer announces more files than one peer may',
    next: 'Share fewer files, or raise DIRECTORY_MAX_FILES.',
  },
  'search-too-costly': {
    http: 400,
    grpc: GRPC.INVALID_ARGUMENT,
    definite: true,
    meaning: 'comparing the pattern with all names takes too long',
    next: 'Begin the pattern with the first letters of the name, or use fewer * and ?.',
  },
  'too-many-peers': {
    http: 409,
    grpc: GRPC.RESOURCE_EXHAUSTED,
    definite: true,
    meaning: 'this user has the largest number of peers that one user may have',
    next: 'Log out a peer of this user, use another user, or raise DIRECTORY_MAX_PEERS_PER_USER.',
  },
  'directory-full': {
    http: 507,
    grpc: GRPC.RESOURCE_EXHAUSTED,
    definite: true,
    meaning: 'the directory is full: one of its limits is reached',
    next: 'Wait until others leave, or raise the limit (docs/environment.md).',
  },
  'too-many-guesses': {
    http: 429,
    grpc: GRPC.RESOURCE_EXHAUSTED,
    definite: true,
    meaning: 'too many wrong passwords for this user came from this address',
    next: 'Wait as long as the header Retry-After says, then use the right password.',
  },
  'address-not-yours': {
    http: 403,
    grpc: GRPC.PERMISSION_DENIED,
    definite: true,
    meaning: 'a peer can be registered only at the address that its login comes from',
    next: 'Set PEER_ADVERTISE to that address. Behind address translation, add the network to DIRECTORY_TRUSTED_NETWORKS.',
  },
  'ticket-refused': {
    http: 401,
    grpc: GRPC.UNAUTHENTICATED,
    definite: true,
    meaning: 'the ticket of the directory is missing, wrong or expired',
    next: 'Log in at the same directory as the other peer, or run that peer with PEER_OPEN=1.',
  },
  unauthorized: {
    http: 401,
    grpc: GRPC.UNAUTHENTICATED,
    definite: true,
    meaning: 'the token is missing, wrong or expired',
    next: 'Log in, and send the token as "Authorization: Bearer <token>".',
  },
  'wrong-password': {
    http: 401,
    grpc: GRPC.UNAUTHENTICATED,
    definite: true,
    meaning: 'user and password do not match',
    next: 'Use the password of the first login of this user, or another user name.',
  },
  'address-taken': {
    http: 409,
    grpc: GRPC.ALREADY_EXISTS,
    definite: true,
    meaning: 'another user is registered at this address',
    next: 'Use another port, or wait until the other registration ends.',
  },
  busy: {
    http: 503,
    grpc: GRPC.RESOURCE_EXHAUSTED,
    definite: true,
    meaning: 'too much work is under way at the same time',
    next: 'Try again later.',
  },
  'upload-too-large': {
    http: 413,
    grpc: GRPC.RESOURCE_EXHAUSTED,
    definite: true,
    meaning: 'the file is larger than the receiver accepts',
    next: 'Send a smaller file, or raise PEER_MAX_UPLOAD of the receiver.',
  },
  'quota-exceeded': {
    http: 507,
    grpc: GRPC.RESOURCE_EXHAUSTED,
    definite: true,
    meaning: 'the receiver has no room left for uploads of others',
    next: 'Remove files at the receiver, or raise its PEER_UPLOAD_QUOTA.',
  },
  'offer-declined': {
    http: 409,
    grpc: GRPC.FAILED_PRECONDITION,
    definite: true,
    meaning: 'the receiver can not fetch the offered file',
    next: 'Send the content itself. PeerLab does this by itself.',
  },
  'shutting-down': {
    http: 503,
    grpc: GRPC.UNAVAILABLE,
    definite: true,
    meaning: 'the service is stopping',
    next: 'Ask another peer, or wait until it is back.',
  },
  internal: {
    http: 500,
    grpc: GRPC.INTERNAL,
    definite: false,
    meaning: 'something unexpected went wrong',
    next: 'Read the log of the service, and please report this error.',
  },

  // Files and transfers
  'file-not-found': {
    http: 404,
    grpc: GRPC.NOT_FOUND,
    definite: true,
    meaning: 'there is no such file',
    next: 'Search for it. The index shows what is shared.',
  },
  'ambiguous-name': {
    http: 409,
    grpc: GRPC.FAILED_PRECONDITION,
    definite: true,
    meaning: 'the name stands for several contents',
    next: 'Give the sha256 of the content that you want.',
  },
  'bad-range': {
    http: 416,
    grpc: GRPC.OUT_OF_RANGE,
    definite: true,
    meaning: 'the range is outside the file',
    next: 'Ask for a range within the size of the file.',
  },
  'file-changed': {
    http: 409,
    grpc: GRPC.ABORTED,
    definite: true,
    meaning: 'the file changed while it was read',
    next: 'Search again: its content has a new hash.',
  },
  'file-exists': {
    http: 409,
    grpc: GRPC.ALREADY_EXISTS,
    definite: true,
    meaning: 'another file with this name is in the share',
    next: 'Rename or remove that file first: a transfer never replaces a file.',
  },
  'share-gone': {
    http: 503,
    grpc: GRPC.UNAVAILABLE,
    definite: true,
    meaning: 'the share folder is not there',
    next: 'Put the folder back. The peer notices it, and publishes its files again.',
  },
  'share-read-only': {
    http: 409,
    grpc: GRPC.FAILED_PRECONDITION,
    definite: true,
    meaning: 'the share can not be written to',
    next: 'Make the share folder writable for the peer. Until then, it only serves files.',
  },
  'share-in-use': {
    http: 409,
    grpc: GRPC.FAILED_PRECONDITION,
    exit: EXIT.usage,
    definite: true,
    meaning: 'another peer that is running has this share',
    next: 'Give each peer a share folder of its own (PEER_SHARE_DIR), or stop the other peer first.',
  },
  'no-source': {
    http: 404,
    grpc: GRPC.UNAVAILABLE,
    definite: true,
    meaning: 'no peer that has the file could deliver it',
    next: 'Read the reason of each source. Try again when a peer that has the file is online.',
  },
  'hash-mismatch': {
    http: 502,
    grpc: GRPC.DATA_LOSS,
    definite: true,
    meaning: 'the content is not what was announced',
    next: 'Do not trust this source. Try another one.',
  },
  truncated: {
    http: 502,
    grpc: GRPC.DATA_LOSS,
    definite: true,
    meaning: 'the stream ended before the file did',
    next: 'Try again, or another source.',
  },
  'too-many-bytes': {
    http: 502,
    grpc: GRPC.DATA_LOSS,
    definite: true,
    meaning: 'the stream is longer than the file',
    next: 'Do not trust this source. Try another one.',
  },
  unverifiable: {
    http: 502,
    grpc: GRPC.FAILED_PRECONDITION,
    definite: true,
    meaning: 'no hash is known for the file',
    next: 'Give its sha256, or name a source that announces one.',
  },
  'source-unreachable': {
    http: 502,
    grpc: GRPC.UNAVAILABLE,
    definite: true,
    meaning: 'the other peer does not answer',
    next: 'Check that it runs and that its address is right.',
  },
  'source-refused': {
    http: 502,
    grpc: GRPC.ABORTED,
    definite: true,
    meaning: 'the other peer refused',
    next: 'Read its reason.',
  },
  'source-stalled': {
    http: 504,
    grpc: GRPC.DEADLINE_EXCEEDED,
    definite: true,
    meaning: 'the other peer stopped sending',
    next: 'Try another source.',
  },
  'disk-full': {
    http: 507,
    grpc: GRPC.RESOURCE_EXHAUSTED,
    definite: true,
    meaning: 'there is no space left on the disk',
    next: 'Free space on the disk of the share, or of the folder that is named.',
  },
  cancelled: {
    http: 499,
    grpc: GRPC.CANCELLED,
    definite: false,
    meaning: 'the caller closed the connection',
    next: 'Nothing to do.',
  },

  // Peer and directory
  'not-logged-in': {
    http: 409,
    grpc: GRPC.FAILED_PRECONDITION,
    definite: true,
    meaning: 'this peer is not logged in at a directory',
    next: 'Log in first.',
  },
  'directory-unreachable': {
    http: 503,
    grpc: GRPC.UNAVAILABLE,
    definite: false,
    meaning: 'the directory does not answer',
    next: 'Check that it runs, and that PEER_DIRECTORY_URL is right.',
  },
  'directory-refused': {
    http: 502,
    grpc: GRPC.ABORTED,
    definite: true,
    meaning: 'the directory refused',
    next: 'Read its reason.',
  },
  'bad-setting': {
    http: 500,
    grpc: GRPC.INTERNAL,
    exit: EXIT.usage,
    definite: true,
    meaning: 'a setting is missing or wrong',
    next: 'docs/environment.md lists all settings.',
  },

  'storage-failed': {
    http: 503,
    grpc: GRPC.UNAVAILABLE,
    exit: 1,
    definite: false,
    meaning: 'the disk or the database can not store the state, or can not read it',
    next: 'Look at the disk of DIRECTORY_DATA_DIR: is it full, read-only, failing, or closed to this user? Or at the database of DIRECTORY_DATABASE_URL: does it answer, and may this user make tables there? A running directory tries again by itself. If it could not start, start it again.',
  },
  'database-away': {
    http: 503,
    grpc: GRPC.UNAVAILABLE,
    definite: true,
    meaning: 'the database of the directory does not answer, so nobody knows what other directories have done',
    next: 'Nothing was changed. Try again: the directory goes on by itself when its database answers. Its /readyz says when.',
  },
  'storage-damaged': {
    http: 500,
    grpc: GRPC.DATA_LOSS,
    exit: 1,
    definite: true,
    meaning: 'the saved state is damaged',
    next: 'Nothing was changed. Put a backup in its place, or move the file away to begin with an empty directory.',
  },
  'storage-in-use': {
    http: 500,
    grpc: GRPC.FAILED_PRECONDITION,
    exit: 1,
    definite: true,
    meaning: 'another directory is using the data folder',
    next: 'Stop it, or give each directory a DIRECTORY_DATA_DIR of its own.',
  },

  // The lab
  usage: {
    http: 400,
    grpc: GRPC.INVALID_ARGUMENT,
    exit: EXIT.usage,
    definite: true,
    meaning: 'the command is not understood',
    next: 'See bin/lab --help.',
  },
  'scenario-invalid': {
    http: 400,
    grpc: GRPC.INVALID_ARGUMENT,
    exit: EXIT.usage,
    definite: true,
    meaning: 'the scenario file has mistakes',
    next: 'Correct them and check with bin/lab validate. docs/scenarios.md explains every word.',
  },
  'rubric-invalid': {
    http: 400,
    grpc: GRPC.INVALID_ARGUMENT,
    exit: EXIT.usage,
    definite: true,
    meaning: 'the rubric has mistakes',
    next: 'Correct them. docs/grading.md explains every word.',
  },
  'no-enclosure': {
    http: 503,
    grpc: GRPC.UNAVAILABLE,
    exit: EXIT.inconclusive,
    definite: true,
    meaning: 'programs of others can not be kept apart from this machine here',
    next:
      'Grade on Linux, with unshare, setpriv, prlimit (util-linux) and ip (iproute2), as root, or where users may make ' +
      'namespaces. docs/grading.md has more.',
  },
  'no-engine': {
    http: 503,
    grpc: GRPC.UNAVAILABLE,
    exit: EXIT.inconclusive,
    definite: true,
    meaning: 'no Docker engine can be used',
    next: 'Start a Docker engine, or use DRIVER=process.',
  },
  'engine-lost': {
    http: 503,
    grpc: GRPC.UNAVAILABLE,
    exit: EXIT.inconclusive,
    definite: false,
    meaning: 'the Docker engine went away',
    next: 'Find out why it stopped, then run again.',
  },
  'engine-failed': {
    http: 500,
    grpc: GRPC.INTERNAL,
    exit: EXIT.inconclusive,
    definite: false,
    meaning: 'the Docker engine refused',
    next: 'Read its reason. `docker info` and the free disk space may tell more.',
  },
  'agent-failed': {
    http: 500,
    grpc: GRPC.INTERNAL,
    exit: EXIT.inconclusive,
    definite: false,
    meaning: 'the agent that disturbs networks and disks could not do its work',
    next: 'Read its reason. What it needs of the kernel is in docs/faults.md.',
  },
  'build-failed': {
    http: 500,
    grpc: GRPC.INTERNAL,
    exit: EXIT.inconclusive,
    definite: true,
    meaning: 'the build failed',
    next: 'Read the lines above. Run `make clean`, then try again.',
  },
  'no-cluster': {
    http: 503,
    grpc: GRPC.UNAVAILABLE,
    exit: EXIT.inconclusive,
    definite: true,
    meaning: 'no Kubernetes cluster answers',
    next: 'Look at `kubectl config current-context` and `kubectl get nodes`.',
  },
  'cluster-lost': {
    http: 503,
    grpc: GRPC.UNAVAILABLE,
    exit: EXIT.inconclusive,
    definite: false,
    meaning: 'the Kubernetes cluster went away',
    next: 'Find out why its API server, or the way to it, was away for more than a minute. Then run again.',
  },
  'cluster-failed': {
    http: 500,
    grpc: GRPC.INTERNAL,
    exit: EXIT.inconclusive,
    definite: false,
    meaning: 'the Kubernetes cluster refused',
    next: 'Read its reason. `bin/lab doctor --driver kubernetes` says which rights and what room a run needs.',
  },
  'pod-stuck': {
    http: 500,
    grpc: GRPC.INTERNAL,
    exit: EXIT.inconclusive,
    definite: true,
    meaning: 'the cluster does not run a pod',
    next: 'Read its reason. `kubectl get events` in the namespace of the run may tell more.',
  },
  'image-not-on-node': {
    http: 500,
    grpc: GRPC.INTERNAL,
    exit: EXIT.inconclusive,
    definite: true,
    meaning: 'a node has no such image, and can not get it',
    next: "Bring PeerLab's own images there with: make k8s-load. Others must be loaded, or be in a registry that the nodes reach.",
  },
  'images-not-loaded': {
    http: 500,
    grpc: GRPC.INTERNAL,
    exit: EXIT.inconclusive,
    definite: true,
    meaning: 'there is no known way to put images into this cluster',
    next: 'Push them to a registry that the cluster can reach: make k8s-push REGISTRY=…',
  },
  'command-failed': {
    http: 500,
    grpc: GRPC.INTERNAL,
    exit: EXIT.inconclusive,
    definite: false,
    meaning: 'a command failed',
    next: 'Run it by hand: it may say more.',
  },
  'no-base-image': {
    http: 500,
    grpc: GRPC.INTERNAL,
    exit: EXIT.inconclusive,
    definite: true,
    meaning: 'no base image for the services is available',
    next: 'Give the engine access to a registry, or run on Debian with apt and npm reachable.',
  },
  'not-standing': {
    http: 503,
    grpc: GRPC.UNAVAILABLE,
    exit: EXIT.inconclusive,
    definite: true,
    meaning: 'the network that should stand already does not',
    next: 'See whether its directory and peers run, and whether the three PEERLAB_STANDING_… variables are right.',
  },
  'peers-held': {
    http: 409,
    grpc: GRPC.FAILED_PRECONDITION,
    exit: EXIT.inconclusive,
    definite: true,
    meaning: 'another run has the standing peers',
    next: 'Wait until that run has ended. If its lab is gone, its hold ends by itself, 30 s later unless PEERLAB_KEEPER_LEASE says otherwise.',
  },
  'not-held': {
    http: 409,
    grpc: GRPC.FAILED_PRECONDITION,
    exit: EXIT.inconclusive,
    definite: true,
    meaning: 'this run does not have the standing peer (any more)',
    next: 'Find out why its hold was not renewed (was the lab stopped, or the network away?), then run again.',
  },
  'keeper-lost': {
    http: 503,
    grpc: GRPC.UNAVAILABLE,
    exit: EXIT.inconclusive,
    definite: false,
    meaning: 'the keeper of a standing peer does not answer as it should',
    next: 'See whether the pod of that peer runs, and read its log.',
  },
  'instance-exited': {
    http: 500,
    grpc: GRPC.ABORTED,
    exit: EXIT.inconclusive,
    definite: false,
    meaning: 'an instance ended by itself',
    next: 'Read its log.',
  },
  'not-ready': {
    http: 504,
    grpc: GRPC.DEADLINE_EXCEEDED,
    exit: EXIT.inconclusive,
    definite: false,
    meaning: 'an instance was not ready in time',
    next: 'Read its log. A busy machine may need a smaller scenario.',
  },
  'no-answer': {
    http: 504,
    grpc: GRPC.DEADLINE_EXCEEDED,
    definite: false,
    meaning: 'no answer came in time',
    next: 'Read the log of the instance that did not answer.',
  },
  'connection-lost': {
    http: 502,
    grpc: GRPC.UNAVAILABLE,
    definite: false,
    meaning: 'the connection ended without an answer',
    next: 'Read the log of the instance: what handled the request may have crashed, or the instance is gone.',
  },
  'not-supported': {
    http: 501,
    grpc: GRPC.UNIMPLEMENTED,
    definite: true,
    meaning: 'the peer does not have this verb',
    next: 'Leave out the steps that need it, or add it to the peer; docs/peer-contract.md says what each verb does.',
  },
  'bad-answer': {
    http: 502,
    grpc: GRPC.INTERNAL,
    definite: false,
    meaning: 'the answer does not keep the contract',
    next: 'Compare it with docs/peer-contract.md.',
  },
  'barrier-missed': {
    http: 504,
    grpc: GRPC.DEADLINE_EXCEEDED,
    definite: true,
    meaning: 'not all peers came to the barrier in time',
    next: 'Find out why the missing peers are late, or give the barrier a longer deadline.',
  },
  'not-running': {
    http: 503,
    grpc: GRPC.UNAVAILABLE,
    definite: true,
    meaning: 'the peer is not running',
    next: 'events.ndjson shows which step stopped it. A group that is `later` needs a start step.',
  },
  'plan-too-large': {
    http: 400,
    grpc: GRPC.INVALID_ARGUMENT,
    exit: EXIT.usage,
    definite: true,
    meaning: 'the plan of the scenario is too large',
    next: 'Take fewer peers, files or rounds, or give the step a limit.',
  },
  'suite-deadline': {
    http: 504,
    grpc: GRPC.DEADLINE_EXCEEDED,
    exit: EXIT.inconclusive,
    definite: false,
    meaning: 'the deadline of the suite has passed',
    next: 'Give the suite more time (deadline), or fewer scenarios.',
  },
  'not-capable': {
    http: 501,
    grpc: GRPC.FAILED_PRECONDITION,
    exit: EXIT.usage,
    definite: true,
    meaning: 'the driver can not do what the scenario needs on this machine',
    next: 'Do what the message suggests, or use another driver.',
  },
  'no-program': {
    http: 404,
    grpc: GRPC.NOT_FOUND,
    exit: EXIT.usage,
    definite: true,
    meaning: 'the program to be tested is not there',
    next: 'Give the name of an image that the engine has or can pull; or use --driver process with a command.',
  },
  'lab-lost': {
    http: 500,
    grpc: GRPC.ABORTED,
    exit: EXIT.inconclusive,
    definite: false,
    meaning: 'the lab was gone before its run had ended',
    next: 'The results folder has what was recorded until then, and watchdog.log has what was done after it. Run it again.',
  },
  'watchdog-lost': {
    http: 500,
    grpc: GRPC.ABORTED,
    exit: EXIT.inconclusive,
    definite: false,
    meaning: 'the watchdog of the run was gone before the run had ended',
    next: 'Find out what ended it (was memory short?), then run again.',
  },
  'results-unusable': {
    http: 500,
    grpc: GRPC.FAILED_PRECONDITION,
    exit: EXIT.usage,
    definite: true,
    meaning: 'results can not be put there',
    next: 'Name a folder that can be made, or that you may write to: --results FOLDER.',
  },
  'results-lost': {
    http: 500,
    grpc: GRPC.ABORTED,
    exit: EXIT.inconclusive,
    definite: false,
    meaning: 'the results folder can not be written to any more',
    next: 'See what became of the folder and its disk, then run again.',
  },
  'source-changed': {
    http: 500,
    grpc: GRPC.ABORTED,
    exit: EXIT.inconclusive,
    definite: true,
    meaning: 'a file that the scenario shares (`from`) changed while the lab read it',
    next: 'Run again when nobody writes to that folder, or share a copy of it.',
  },
  'bad-results': {
    http: 500,
    grpc: GRPC.INTERNAL,
    exit: EXIT.usage,
    definite: true,
    meaning: 'a results folder can not be read',
    next: 'Give the folder of a run that has ended, such as results/latest.',
  },
  'results-damaged': {
    http: 500,
    grpc: GRPC.DATA_LOSS,
    exit: EXIT.inconclusive,
    definite: true,
    meaning: 'a file of a results folder is not as the lab wrote it',
    next: 'What it said is lost; run the scenario again.',
  },
  interrupted: {
    http: 499,
    grpc: GRPC.CANCELLED,
    exit: EXIT.interrupted,
    definite: false,
    meaning: 'the run was interrupted',
    next: 'Nothing to do. The results folder has what was done until then.',
  },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof ERRORS;

/** What a REST answer carries under `error`. */
export interface ErrorBody {
  code: string;
  message: string;
  hint?: string;
}

export interface ErrorFacts {
  /** What a right value would have been. */
  expected?: string;
  /** What came instead; keep it short, it is shown to people. */
  got?: string;
  /** Which thing is meant: a file name, an address, a setting. */
  about?: string;
  /** Fields that stand beside `error` in a REST answer: what a failed transfer did move. */
  beside?: object;
  cause?: unknown;
}

/** The one error class. `message` reads: `<meaning> (<about>): expected <expected>, got <got>`. */
export class PeerLabError extends Error {
  override readonly name = 'PeerLabError';
  readonly code: ErrorCode;
  readonly kind: ErrorKind;
  readonly beside: object;

  constructor(code: ErrorCode, facts: ErrorFacts = {}) {
    super(sentence(ERRORS[code].meaning, facts), facts.cause === undefined ? {} : { cause: facts.cause });
    this.code = code;
    this.kind = ERRORS[code];
    this.beside = facts.beside ?? {};
  }

  get hint(): string {
    return this.kind.next;
  }

  /** The JSON shape of `ErrorBody`: nothing of the stack and no path of the host leaves the program. */
  toBody(): ErrorBody {
    return { code: this.code, message: this.message, hint: this.hint };
  }
}

function sentence(meaning: string, { about, expected, got }: ErrorFacts): string {
  const details = [expected && `expected ${expected}`, got && `got ${got}`].filter(Boolean).join(', ');
  return `${meaning}${about ? ` (${about})` : ''}${details ? `: ${details}` : ''}`;
}

export function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(ERRORS, code);
}

/** Any thrown thing as a `PeerLabError`; what is not one already becomes `fallback` with the original as cause. */
export function toPeerLabError(thrown: unknown, fallback: ErrorCode = 'internal'): PeerLabError {
  if (thrown instanceof PeerLabError) return thrown;
  return new PeerLabError(fallback, { got: fallback === 'internal' ? '' : reasonOf(thrown), cause: thrown });
}

/** The same for the lab, whose users own the machine that it runs on: `internal` says why. */
export function unforeseen(thrown: unknown): PeerLabError {
  return thrown instanceof PeerLabError
    ? thrown
    : new PeerLabError('internal', { got: reasonOf(thrown), cause: thrown });
}

/** One line that says why, from any thrown thing. */
export function reasonOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const code = (thrown as NodeJS.ErrnoException).code;
  const cause = thrown.cause instanceof Error ? ` (${reasonOf(thrown.cause)})` : '';
  return `${thrown.message || code || thrown.name}${cause}`;
}
