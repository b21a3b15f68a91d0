import type { PeerEnv } from '#proto/env.ts';
import type { PeerSpec } from './driver.ts';

/** Where a peer is: what it listens at, the `ip:port` of its gRPC service for the others, its share. */
export interface Whereabouts {
  readonly host: string;
  readonly address: string;
  readonly shareDir: string;
}

/** The settings of a peer, with those that only its driver knows. */
export function peerEnv({ env, directory }: PeerSpec, { host, address, shareDir }: Whereabouts): PeerEnv {
  return {
    ...env,
    PEER_HOST: host,
    PEER_PORT: address.slice(address.lastIndexOf(':') + 1),
    PEER_ADVERTISE: address,
    PEER_SHARE_DIR: shareDir,
    PEER_DIRECTORY_URL: directory.address,
  };
}

/** The variables that have a value. */
export function defined(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined));
}
