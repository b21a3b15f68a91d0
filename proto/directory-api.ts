import { z } from 'zod';
import { nameFlaw } from './names.ts';

/** REST paths and bodies of the directory. All bodies are JSON; unknown keys are ignored, so that both sides can grow. */

export const fileName = z.string().superRefine((name, context) => {
  const flaw = nameFlaw(name);
  if (flaw) context.addIssue({ code: 'custom', message: `expected a file name, got ${flaw}` });
});

export const sha256Hex = z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 lower-case hex digits');

/** A file as a peer announces it; size in bytes. */
export const sharedFile = z.object({
  name: fileName,
  size: z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER),
  sha256: sha256Hex,
  /** Root of the content's hash tree, where the peer has one. */
  root: sha256Hex.optional(),
});
export type SharedFile = z.infer<typeof sharedFile>;

const ip = z.union([z.ipv4(), z.ipv6()]);
const port = z.number().int().min(1).max(65_535);
const user = z
  .string()
  .min(1)
  .max(64)
  .regex(/^[\w.@-]+$/, 'expected letters, digits and . _ @ -');

export const peerAddress = z.object({ user, ip, port });
export type PeerAddress = z.infer<typeof peerAddress>;

/** `ip:port`, IPv6 in brackets: how an address is written in one string. */
export function addressText({ ip, port }: { ip: string; port: number }): string {
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`;
}

/** The other way round; undefined when `text` is no `ip:port`. */
export function parseAddress(text: string): { ip: string; port: number } | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  const parsed = match && z.object({ ip, port }).safeParse({ ip: match[1] ?? match[2], port: Number(match[3]) });
  return parsed?.data;
}

/** More files than a peer can announce, whatever a directory is set to. */
const MAX_FILES = 1_000_000;
const files = z.array(sharedFile).max(MAX_FILES);

export const loginRequest = z.object({ user, password: z.string().min(1).max(1024), ip, port, files });
export type LoginRequest = z.infer<typeof loginRequest>;

/**
 * What says to other peers that this one is who it says: a JWT (RFC 7519) signed with EdDSA, with `sub` (user), `addr`
 * (`ip:port`) and `exp`; and the directory's public key to check such tickets with (Ed25519, 32 bytes as base64url).
 * proto/ticket.ts checks one. A directory of another kind may give none.
 */
const ticketGiven = { ticket: z.string().max(4096).optional(), ticketKey: z.string().max(64).optional() };

export const loginResponse = z.object({
  token: z.string(),
  leaseSeconds: z.number().positive(),
  ...ticketGiven,
});
export type LoginResponse = z.infer<typeof loginResponse>;

export const loadfilesRequest = z.object({ files });
export const loadfilesResponse = z.object({ files: z.number().int() });

/** How busy a peer is; the directory names those first that have most to give. */
export const peerLoad = z.object({
  /** Transfers that it serves now. */
  serving: z.number().int().nonnegative().max(1_000_000).optional(),
  /** Transfers that it serves at most. */
  capacity: z.number().int().nonnegative().max(1_000_000).optional(),
  /** What it can send, all transfers together, as last measured. */
  bytesPerSecond: z.number().nonnegative().max(Number.MAX_SAFE_INTEGER).optional(),
});
export type PeerLoad = z.infer<typeof peerLoad>;

export const heartbeatRequest = z.object({ load: peerLoad.optional() });
export const heartbeatResponse = z.object({ leaseSeconds: z.number().positive(), ...ticketGiven });
export type HeartbeatResponse = z.infer<typeof heartbeatResponse>;

export const logoutRequest = z.object({});
export const logoutResponse = z.object({});

/** Pages: ask again with `cursor` set to the `next` of the last answer; the last page has none. */
export const pageQuery = z.object({
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  cursor: z.string().max(4096).optional(),
});

export const indexEntry = peerAddress.extend({ files: z.array(sharedFile) });
export type IndexEntry = z.infer<typeof indexEntry>;
export const indexResponse = z.object({ peers: z.array(indexEntry), next: z.string().optional() });
export type IndexResponse = z.infer<typeof indexResponse>;

const wantedName = z.string().min(1).max(1024);
const SEARCH_KEYS = ['name', 'prefix', 'sha256', 'root'] as const;
const searchKeys = {
  name: wantedName.optional(),
  prefix: wantedName.optional(),
  sha256: sha256Hex.optional(),
  root: sha256Hex.optional(),
};

/** One of `name` (exact, or a glob with * and ?), `prefix` (literal), `sha256` and `root`. */
export const searchQuery = pageQuery
  .extend(searchKeys)
  .refine((query) => SEARCH_KEYS.filter((key) => query[key] !== undefined).length === 1, {
    message: 'expected one of name, prefix, sha256 and root',
    path: ['name'],
  });

/** A peer that has the content, the name that the content has there, and the root that this peer announced, if it did. */
export const searchSource = peerAddress.extend({ name: z.string(), root: sha256Hex.optional() });
export const searchResult = z.object({
  name: z.string(),
  size: z.number().int(),
  sha256: sha256Hex,
  /** What those who announced a root agree on; left out where nobody did, or where they disagree. */
  root: sha256Hex.optional(),
  peers: z.array(searchSource),
});
export type SearchResult = z.infer<typeof searchResult>;
export const searchResponse = z.object({ results: z.array(searchResult), next: z.string().optional() });
export type SearchResponse = z.infer<typeof searchResponse>;

export const errorResponse = z.object({
  error: z.object({ code: z.string(), message: z.string(), hint: z.string().optional() }),
});
