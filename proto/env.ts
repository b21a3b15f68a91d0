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
    | 'folder'
    | 'file'
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
  DIRECTORY_HOST: { type: 'text', default: '127.0.0.1', help: 'Address to listen on. The image sets 0.0.0.0.' },
  DIRECTORY_PORT: { type: 'port', default: '5000', help: 'Port to listen on; 0 takes a free one.' },
  DIRECTORY_LEASE: { type: 'duration', default: '30s', help: 'How long a registration holds without a heartbeat.' },
  DIRECTORY_TOKEN_LIFETIME: {
    type: 'duration',
    default: '12h',
    help: 'How long a token holds, however often the lease is renewed; then the peer logs in again by itself.',
  },
  DIRECTORY_DATA_DIR: {
    type: 'folder',
    optional: true,
    help: 'Folder for accounts, registrations and the key of tickets; made when it is not there. Without one, all is in memory and gone with the process.',
  },
  DIRECTORY_OPEN_ACCOUNTS: {
    type: 'flag',
    default: '1',
    help: '1: the first login of a user creates the account. 0: accounts come from DIRECTORY_ACCOUNTS_FILE, and from earlier logins.',
  },
  DIRECTORY_ACCOUNTS_FILE: {
    type: 'file',
    optional: true,
    help: 'Accounts, a line `user:hash` each, as the command `account` prints it; they count more than saved ones.',
  },
  DIRECTORY_PASSWORD_MEMORY: {
    type: 'size',
    default: '19MiB',
    help: 'Memory of one argon2id hash; not less than this.',
  },
  DIRECTORY_PASSWORD_PASSES: { type: 'count', default: '2', help: 'Passes of argon2id; not fewer than 2.' },
  DIRECTORY_PASSWORD_LANES: { type: 'count', default: '1', help: 'Lanes of argon2id.' },
  DIRECTORY_TRUSTED_NETWORKS: {
    type: 'networks',
    optional: true,
    help: 'Networks such as 10.0.0.0/8,fd00::/8. A peer may register an address inside them whatever address its login comes from. Without: only the one that it comes from.',
  },
  DIRECTORY_MAX_BODY: { type: 'size', default: '32MiB', help: 'The largest request body taken.' },
  DIRECTORY_MAX_FILES: { type: 'count', default: '100000', help: 'Files that one peer may announce.' },
  DIRECTORY_MAX_TOTAL_FILES: { type: 'count', default: '1000000', help: 'Files of all peers together.' },
  DIRECTORY_MAX_PEERS: { type: 'count', default: '20000', help: 'Peers at one time.' },
  DIRECTORY_MAX_PEERS_PER_USER: { type: 'count', default: '1000', help: 'Peers of one user at one time.' },
  DIRECTORY_MAX_ACCOUNTS: { type: 'count', default: '100000', help: 'Accounts.' },
  DIRECTORY_SD_P2P: {
    type: 'flag',
    default: '0',
    help: '1: also speaks the dialect of SD_P2P, which has neither tokens nor leases (docs/directory-api.md).',
  },
  DIRECTORY_SD_P2P_LIFETIME: {
    type: 'duration',
    optional: true,
    help: 'How long a registration in that dialect holds. Without: until logout.',
  },
  DIRECTORY_TLS_CERT: {
    type: 'file',
    optional: true,
    help: 'Certificate chain (PEM): the directory then speaks HTTPS only.',
  },
  DIRECTORY_TLS_KEY: { type: 'file', optional: true, help: 'The key of that certificate (PEM).' },
  ...SHARED,
} as const satisfies Record<string, EnvSpec>;

export const PEER_ENV = {
  PEER_USER: { type: 'text', help: 'User name at the directory.' },
  PEER_PASSWORD: { type: 'text', secret: true, help: 'Password of that user; the first login of a user sets it.' },
  PEER_DIRECTORY_URL: { type: 'url', default: 'http://127.0.0.1:5000', help: 'Where the directory is.' },
  PEER_SHARE_DIR: { type: 'folder', help: 'The folder that is shared; downloads land there too. It must exist.' },
  PEER_HOST: {
    type: 'text',
    default: '127.0.0.1',
    help: 'Address to listen on, for gRPC and for control. The image sets 0.0.0.0.',
  },
  PEER_PORT: { type: 'port', default: '50051', help: 'gRPC port; 0 takes a free one.' },
  PEER_ADVERTISE: {
    type: 'address',
    optional: true,
    help: 'ip:port that other peers reach this one at. Default: the listening address, or the first address of the machine when that is 0.0.0.0.',
  },
  PEER_CONTROL_PORT: { type: 'port', default: '50052', help: 'HTTP control port; 0 takes a free one.' },
  PEER_CONTROL_TOKEN: { type: 'text', secret: true, help: 'Bearer token that control requests must carry.' },
  PEER_OPEN: {
    type: 'flag',
    default: '0',
    help: '1: serves and takes files from anybody. 0: only from peers with a ticket of the directory that this one is logged in at.',
  },
  PEER_TRUSTED_NETWORKS: {
    type: 'networks',
    optional: true,
    help: 'Networks such as 127.0.0.0/8 whose addresses are dialled, and taken for those of tickets, without further question.',
  },
  PEER_TLS_CERT: {
    type: 'file',
    optional: true,
    help: 'Certificate chain (PEM) of this peer: gRPC then speaks TLS only, both ways.',
  },
  PEER_TLS_KEY: { type: 'file', optional: true, help: 'The key of that certificate (PEM).' },
  PEER_TLS_CA: {
    type: 'file',
    optional: true,
    help: 'Certificates (PEM) that those of other peers and of the directory must come from. Default: those that Node knows.',
  },
  PEER_STALL_TIMEOUT: {
    type: 'duration',
    default: '4s',
    help: 'A source that sends nothing to speak of (16 KiB) for so long is given up.',
  },
  PEER_MAX_STREAMS: {
    type: 'count',
    default: '256',
    help: 'Upload slots: transfers that the peer serves at one time; more wait their turn.',
  },
  PEER_MAX_QUEUE: {
    type: 'count',
    default: '256',
    help: 'Transfers that wait for an upload slot, for half of PEER_STALL_TIMEOUT at most; more get the error busy.',
  },
  PEER_MAX_UPLOAD: { type: 'size', default: '1TiB', help: 'The largest file that is taken from others by upload.' },
  PEER_UPLOAD_QUOTA: {
    type: 'size',
    optional: true,
    help: 'Uploads of others are refused when the share would get larger than this by them. Without: the disk is the limit.',
  },
  PEER_UPLOAD_LIMIT: {
    type: 'rate',
    optional: true,
    help: 'Bytes a second, such as 10MB/s, that the peer sends at most, in sum over all transfers.',
  },
  PEER_DOWNLOAD_LIMIT: {
    type: 'rate',
    optional: true,
    help: 'Bytes a second that it receives at most, in sum over all transfers.',
  },
  PEER_UPLOAD_LIMIT_EACH: { type: 'rate', optional: true, help: 'The same, to any one other peer.' },
  PEER_DOWNLOAD_LIMIT_EACH: { type: 'rate', optional: true, help: 'The same, from any one other peer.' },
  PEER_MAX_DOWNLOADS: {
    type: 'count',
    default: '64',
    help: 'Downloads and uploads that the peer makes at one time; more wait their turn.',
  },
  ...SHARED,
} as const satisfies Record<string, EnvSpec>;

/** Of a process that hosts many peers (proto/hosted-peers.ts), in place of PEER_ENV: each peer's own settings are in the file. */
export const HOST_ENV = {
  PEER_HOSTED: { type: 'text', help: 'A JSON file that lists the peers to be hosted: `[{"name": …, "env": {…}}, …]`.' },
  PEER_HOST: { type: 'text', default: '127.0.0.1', help: 'Address to listen on for control. The image sets 0.0.0.0.' },
  PEER_CONTROL_PORT: {
    type: 'port',
    default: '50052',
    help: 'The one HTTP port of all hosted peers; each is below `/peers/<name>`. 0 takes a free one.',
  },
  ...SHARED,
} as const satisfies Record<string, EnvSpec>;

export type DirectoryEnv = Partial<Record<keyof typeof DIRECTORY_ENV, string>>;
export type PeerEnv = Partial<Record<keyof typeof PEER_ENV, string>>;
export type HostEnv = Partial<Record<keyof typeof HOST_ENV, string>>;
