import { z } from 'zod';

/**
 * HOSTED PEERS: many peers in one process. The file that `PEER_HOSTED` names lists them, each with the settings that a process of its own would
 * get from its environment. One HTTP port serves all their control ports: what a peer answers at `/metrics` is at
 * `/peers/<name>/metrics` here. The host's own `/healthz` answers 200 once every peer has started.
 */
export const hostedPeers = z
  .array(
    z.object({
      name: z.string().regex(/^[a-z0-9-]{1,63}$/, 'expected lower-case letters, digits and dashes'),
      env: z.record(z.string(), z.string()),
    }),
  )
  .min(1)
  .refine((peers) => new Set(peers.map(({ name }) => name)).size === peers.length, 'expected different names');
export type HostedPeers = z.infer<typeof hostedPeers>;

/** Where everything of one peer is, on its host's HTTP port. Connections are cut there while the peer is stopped, as if nobody listened. */
export function pathOfHosted(name: string): string {
  return `/peers/${name}`;
}

/** `POST`, with the peer's control token: ends this peer alone, in order; or starts it again. Answers when it is done. */
export function pathOfHostVerb(verb: 'stop' | 'start', name: string): string {
  return `/hosted/${name}/${verb}`;
}
