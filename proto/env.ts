import { secondsOf } from './promises.ts';

/** THE ENVIRONMENT TABLE: the variables that the lab sets and the images read. docs/environment.md is made from it. */
export interface EnvSpec {
  readonly type:
    | 'text'
    | 'port'
    | 'duration'
    | 'count'
    | 'flag'
    | 'url'
    | 'address'
    | 'host'
    | 'folder'
    | 'file'
    | 'database'
    | 'size'
    | 'rate'
    | 'networks';
  /** As it would be written in the environment. Without one, the variable must be set, unless it is optional. */
  readonly default?: string;
  readonly optional?: true;
  readonly secret?: true;
  readonly help: string;
}

const SHARED = {
  LOG_LEVEL: { type: 'text', default: 'info', help: 'trace, debug, info, warn, error, fatal or silent.' },
} as const satisfies Record<string, EnvSpec>;

export const DIRECTORY_ENV = {
  DIRECTORY_HOST: { type: 'host', default: '127.0.0.1', help: 'Address to listen on. The image sets 0.0.0.0.' },
  DIRECTORY_PORT: { type: 'port', default: '5000', help: 'Port to listen on. 0: a free one.' },
  DIRECTORY_LEASE: {
    type: 'duration',
    default: `${secondsOf('lease')}s`,
    help: 'How long a registration is valid without a heartbeat.',
  },
  DIRECTORY_TOKEN_LIFETIME: {
    type: 'duration',
    default: '12h',
    help: 'How long a token is valid, even if the lease is renewed. After that, the peer logs in again by itself.',
  },
  DIRECTORY_DATA_DIR: {
    type: 'folder',
    optional: true,
    help: 'Folder for accounts, registrations and the key of tickets. It is created if it does not exist. If unset, everything is in memory and ends with the process.',
  },
  DIRECTORY_DATABASE_URL: {
    type: 'database',
    optional: true,
    secret: true,
    help: 'A PostgreSQL database, instead of DIRECTORY_DATA_DIR, such as postgres://user:password@host/name. Several directories may use it at the same time, and know the same (docs/replicas.md).',
  },
  DIRECTORY_OPEN_ACCOUNTS: {
    type: 'flag',
    default: '1',
    help: '1: the first login of a user creates the account. 0: accounts come from DIRECTORY_ACCOUNTS_FILE and from earlier logins.',
  },
  DIRECTORY_ACCOUNTS_FILE: {
    type: 'file',
    optional: true,
    help: 'File of accounts, one line `user:hash` each, as the command `account` prints it. They win over saved accounts.',
  },
  DIRECTORY_PASSWORD_MEMORY: {
    type: 'size',
    default: '19MiB',
    help: 'Memory of one argon2id hash. The default is the minimum.',
  },
  DIRECTORY_PASSWORD_PASSES: { type: 'count', default: '2', help: 'Passes of argon2id. The default is the minimum.' },
  DIRECTORY_PASSWORD_LANES: { type: 'count', default: '1', help: 'Lanes of argon2id.' },
  DIRECTORY_TRUSTED_NETWORKS: {
    type: 'networks',
    optional: true,
    help: 'Networks such as 10.0.0.0/8,fd00::/8. A peer may register any address inside them, wherever its login comes from. If unset: only the address that its login comes from.',
  },
  DIRECTORY_MAX_BODY: { type: 'size', default: '32MiB', help: 'The largest request body that is accepted.' },
  DIRECTORY_MAX_FILES: { type: 'count', default: '100000', help: 'Files that one peer may announce.' },
  DIRECTORY_MAX_TOTAL_FILES: { type: 'count', default: '1000000', help: 'Files of all peers together.' },
  DIRECTORY_MAX_PEERS: { type: 'count', default: '20000', help: 'Peers at the same time.' },
  DIRECTORY_MAX_PEERS_PER_USER: { type: 'count', default: '1000', help: 'Peers of one user at the same time.' },
  DIRECTORY_MAX_ACCOUNTS: { type: 'count', default: '100000', help: 'Accounts.' },
  DIRECTORY_SD_P2P: {
    type: 'flag',
    default: '0',
    help: '1: also speaks the dialect of SD_P2P, which has neither tokens nor leases (docs/directory-api.md).',
  },
  DIRECTORY_SD_P2P_LIFETIME: {
    type: 'duration',
    optional: true,
    help: 'How long a registration in that dialect is valid. If unset: until logout.',
  },
  DIRECTORY_TLS_CERT: {
    type: 'file',
    optional: true,
    help: 'Certificate chain (PEM). With it, the directory speaks HTTPS only.',
  },
  DIRECTORY_TLS_KEY: { type: 'file', optional: true, help: 'The private key of that certificate (PEM).' },
  ...SHARED,
} as const satisfies Record<string, EnvSpec>;

export const PEER_ENV = {
  PEER_USER: { type: 'text', help: 'User name at the directory.' },
  PEER_PASSWORD: { type: 'text', secret: true, help: 'Password of that user. The first login of a user sets it.' },
  PEER_DIRECTORY_URL: { type: 'url', default: 'http://127.0.0.1:5000', help: 'Where the directory is.' },
  PEER_SHARE_DIR: {
    type: 'folder',
    help: 'The shared folder. Downloads go there too. It must exist, and belongs to one running peer. A read-only folder is served, and takes no files.',
  },
  PEER_HOST: {
    type: 'host',
    default: '127.0.0.1',
    help: 'Address to listen on, for gRPC and for control. The image sets 0.0.0.0.',
  },
  PEER_PORT: { type: 'port', default: '50051', help: 'gRPC port. 0: a free one.' },
  PEER_ADVERTISE: {
    type: 'address',
    optional: true,
    help: 'The ip:port where other peers reach this one. Default: the listening address, or the first address of the machine if that is 0.0.0.0.',
  },
  PEER_CONTROL_PORT: { type: 'port', default: '50052', help: 'HTTP control port. 0: a free one.' },
  PEER_CONTROL_TOKEN: { type: 'text', secret: true, help: 'Bearer token that control requests must carry.' },
  PEER_LOGIN: {
    type: 'flag',
    default: '0',
    help: '1: logs in by itself at the start, and tries again while the directory is away. Until then, the peer is not ready. 0: only when told to.',
  },
  PEER_OPEN: {
    type: 'flag',
    default: '0',
    help: '1: serves anybody, and accepts uploads from anybody. 0: only peers with a ticket of the directory where this peer is logged in.',
  },
  PEER_TRUSTED_NETWORKS: {
    type: 'networks',
    optional: true,
    help: 'Networks such as 127.0.0.0/8. Addresses in them are always dialled, and always match the address in a ticket.',
  },
  PEER_TLS_CERT: {
    type: 'file',
    optional: true,
    help: 'Certificate chain (PEM) of this peer. With it, gRPC speaks TLS only, both ways.',
  },
  PEER_TLS_KEY: { type: 'file', optional: true, help: 'The private key of that certificate (PEM).' },
  PEER_TLS_CA: {
    type: 'file',
    optional: true,
    help: 'Certificate authorities (PEM) that must have signed the certificates of other peers and of the directory. Default: those that Node knows.',
  },
  PEER_STALL_TIMEOUT: {
    type: 'duration',
    default: '4s',
    help: 'A source is given up if it sends less than 16 KiB in this time.',
  },
  PEER_MAX_STREAMS: {
    type: 'count',
    default: '256',
    help: 'Upload slots: transfers that the peer serves at the same time. More wait their turn.',
  },
  PEER_MAX_QUEUE: {
    type: 'count',
    default: '256',
    help: 'Transfers that wait for an upload slot, for at most half of PEER_STALL_TIMEOUT. More get the error busy.',
  },
  PEER_MAX_UPLOAD: { type: 'size', default: '1TiB', help: 'The largest file that is accepted as an upload of others.' },
  PEER_UPLOAD_QUOTA: {
    type: 'size',
    optional: true,
    help: 'Uploads of others are refused if they would make the share larger than this. If unset: the disk is the limit.',
  },
  PEER_UPLOAD_LIMIT: {
    type: 'rate',
    optional: true,
    help: 'The most bytes per second, such as 10MB/s, that the peer sends, in sum over all transfers.',
  },
  PEER_DOWNLOAD_LIMIT: {
    type: 'rate',
    optional: true,
    help: 'The most bytes per second that the peer receives, in sum over all transfers.',
  },
  PEER_UPLOAD_LIMIT_EACH: { type: 'rate', optional: true, help: 'The same, to each single other peer.' },
  PEER_DOWNLOAD_LIMIT_EACH: { type: 'rate', optional: true, help: 'The same, from each single other peer.' },
  PEER_SWARM: {
    type: 'flag',
    default: '1',
    help: '1: the peer gives pieces of files that it is still fetching, and asks others who are on their way for theirs. 0: it gives what it has whole, and fetches from those who have all of it.',
  },
  PEER_RECIPROCITY: {
    type: 'flag',
    default: '0',
    help: '1: if several others wait to be served within PEER_UPLOAD_LIMIT, those come first that gave most to this peer; every fourth turn goes to whoever was served longest ago. 0: all turns do.',
  },
  PEER_MAX_DOWNLOADS: {
    type: 'count',
    default: '64',
    help: 'Downloads and uploads that the peer makes at the same time. More wait their turn.',
  },
  ...SHARED,
} as const satisfies Record<string, EnvSpec>;

/** Of a process that hosts many peers (proto/hosted-peers.ts), instead of PEER_ENV: each peer's own settings are in the file. */
export const HOST_ENV = {
  PEER_HOSTED: { type: 'text', help: 'A JSON file that lists the hosted peers: `[{"name": …, "env": {…}}, …]`.' },
  PEER_HOST: { type: 'host', default: '127.0.0.1', help: 'Address to listen on for control. The image sets 0.0.0.0.' },
  PEER_CONTROL_PORT: {
    type: 'port',
    default: '50052',
    help: 'The one HTTP port of all hosted peers; each peer is below `/peers/<name>`. 0: a free one.',
  },
  ...SHARED,
} as const satisfies Record<string, EnvSpec>;

/** Of the keeper, process 1 of a peer's container in a cluster (lab/keeper/); the peer that it keeps gets none of these. */
export const KEEPER_ENV = {
  PEERLAB_KEEPER_HOST: { type: 'host', optional: true, help: 'Address to listen on. If unset: that of PEER_HOST.' },
  PEERLAB_KEEPER_PORT: { type: 'port', default: '50053', help: 'Port to listen on. 0: a free one.' },
  PEERLAB_KEEPER_TOKEN: {
    type: 'text',
    secret: true,
    help: 'Bearer token that a lab must send. Who has it can stop the peer, and change its settings and its share.',
  },
  PEERLAB_KEEPER_LEASE: {
    type: 'count',
    default: '30',
    help: 'Seconds after which a hold that no lab renews lapses. The peer then runs with its own settings again.',
  },
} as const satisfies Record<string, EnvSpec>;

/** Of `lab/keeper/main.ts lay`, which fills the share of a peer before its first start. */
export const LAY_ENV = {
  PEERLAB_SCENARIO: { type: 'text', help: 'The scenario whose files the share gets: a name, or a path.' },
  PEERLAB_SEED: { type: 'count', optional: true, help: 'Another seed than that of the scenario.' },
  PEERLAB_PEER: {
    type: 'text',
    help: 'The name of the peer in the plan, such as peers-3. If the plan has no such name: the peer at that place.',
  },
} as const satisfies Record<string, EnvSpec>;

/** Of the lab with `--driver standing` (lab/drivers/standing/): where the network is that stands already. */
export const STANDING_ENV = {
  PEERLAB_STANDING_DIRECTORY: { type: 'url', help: 'The directory, such as http://directory:5000.' },
  PEERLAB_STANDING_KEEPERS: {
    type: 'text',
    help: 'The keepers of the peers: URLs with commas between them, or one URL in which {n} stands for 1, 2, 3, … (http://peers-{n}.peers:50053).',
  },
  PEERLAB_STANDING_TOKEN: { type: 'text', secret: true, help: 'The token of these keepers (PEERLAB_KEEPER_TOKEN).' },
} as const satisfies Record<string, EnvSpec>;

/** Of the lab with `--driver kubernetes` (lab/drivers/kubernetes/). */
export const KUBERNETES_ENV = {
  PEERLAB_KUBECONFIG: {
    type: 'file',
    optional: true,
    help: "The kubeconfig of the cluster. If unset: that of kubectl (KUBECONFIG, or ~/.kube/config), then the account of the lab's own pod.",
  },
  PEERLAB_KUBERNETES_REGISTRY: {
    type: 'text',
    optional: true,
    help: "The registry that PeerLab's images were pushed to, as for `make k8s-push`. If unset, they are loaded into the nodes.",
  },
  PEERLAB_KUBERNETES_POD_SECURITY: {
    type: 'text',
    default: 'restricted',
    help: 'The Pod Security level that the namespaces of runs enforce: restricted, or privileged, which lets agents in that disturb networks.',
  },
} as const satisfies Record<string, EnvSpec>;

/** Of the status page of a network that stands (lab/status/), and of labs that tell it how their runs go. */
export const STATUS_ENV = {
  PEERLAB_STATUS_URL: {
    type: 'url',
    optional: true,
    help: 'Of a lab: the page that it tells how its run goes, such as http://lab:8080. If unset, it tells nobody.',
  },
  PEERLAB_STATUS_TOKEN: {
    type: 'text',
    secret: true,
    help: 'Of both: the token of the page. Who looks at it needs it, and so does a lab that reports.',
  },
  PEERLAB_STATUS_HOST: { type: 'host', default: '127.0.0.1', help: 'Of the page: address to listen on.' },
  PEERLAB_STATUS_PORT: { type: 'port', default: '8080', help: 'Of the page: port to listen on. 0: a free one.' },
  PEERLAB_STATUS_PEERS: {
    type: 'text',
    default: '_control._tcp.peers',
    help: "Of the page: the name in DNS whose SRV records are the peers' control ports.",
  },
  PEERLAB_STATUS_DIRECTORY: { type: 'url', default: 'http://directory:5000', help: 'Of the page: the directory.' },
} as const satisfies Record<string, EnvSpec>;

/** Of the live page (`bin/lab serve`). */
export const SERVE_ENV = {
  PEERLAB_SERVE_TOKEN: {
    type: 'text',
    secret: true,
    optional: true,
    help: 'What browsers must show once (`?token=…`). Needed, at least 16 characters of it, when the page listens beyond this machine.',
  },
} as const satisfies Record<string, EnvSpec>;

export type DirectoryEnv = Partial<Record<keyof typeof DIRECTORY_ENV, string>>;
export type PeerEnv = Partial<Record<keyof typeof PEER_ENV, string>>;
export type HostEnv = Partial<Record<keyof typeof HOST_ENV, string>>;
