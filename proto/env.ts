/** THE ENVIRONMENT TABLE: the variables that the lab sets and the images read. docs/environment.md is made from it. */
export interface EnvSpec {
  readonly type: 'text' | 'port' | 'duration' | 'count' | 'flag' | 'url' | 'address' | 'folder';
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
  DIRECTORY_MAX_BODY: { type: 'text', default: '32MiB', help: 'The largest request body taken.' },
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
  PEER_STALL_TIMEOUT: {
    type: 'duration',
    default: '4s',
    help: 'A source that sends nothing to speak of (16 KiB) for so long is given up.',
  },
  PEER_MAX_STREAMS: {
    type: 'count',
    default: '256',
    help: 'Transfers that the peer serves at one time; more get the error busy.',
  },
  PEER_MAX_DOWNLOADS: {
    type: 'count',
    default: '64',
    help: 'Downloads and uploads that the peer makes at one time; more wait their turn.',
  },
  ...SHARED,
} as const satisfies Record<string, EnvSpec>;

export type DirectoryEnv = Partial<Record<keyof typeof DIRECTORY_ENV, string>>;
export type PeerEnv = Partial<Record<keyof typeof PEER_ENV, string>>;
