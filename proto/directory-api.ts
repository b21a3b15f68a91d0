import { z } from 'zod';
import { canonicalIp } from './addresses.ts';
import type { ErrorCode } from './errors.ts';
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
  /** Root of the hash tree (hash-tree.ts); an empty file has none, and a peer need not know it. */
  root: sha256Hex.optional(),
});
export type SharedFile = z.infer<typeof sharedFile>;

/** Whatever the spelling of who writes: whoever reads has the one of addresses.ts. */
const ip = z.union([z.ipv4(), z.ipv6()]).overwrite((text) => canonicalIp(text) ?? text);
const port = z.number().int().min(1).max(65_535);
const user = z
  .string()
  .min(1)
  .max(64)
  .regex(/^[\w.@-]+$/, 'expected letters, digits and . _ @ -');

export const peerAddress = z.object({ user, ip, port });
export type PeerAddress = z.infer<typeof peerAddress>;

/** More files than a peer can announce, whatever a directory is set to. */
const MAX_FILES = 1_000_000;
const files = z.array(sharedFile).max(MAX_FILES);

export const loginRequest = z.object({ user, password: z.string().min(1).max(1024), ip, port, files });
export type LoginRequest = z.infer<typeof loginRequest>;

/** What a login that is refused for its address says before the IP that it came from. */
export const LOGIN_FROM = 'a login from ';

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

/** A peer on its way to a content, by the root of its tree; `fetching` false: not any more. */
export const swarmRequest = z.object({ root: sha256Hex, fetching: z.boolean().default(true) });
/** The most that one answer names. */
export const MAX_SWARM_PEERS = 30;
/** Some of the others that are on their way, in no order: each who asks gets others. They have pieces only, and stand in no search. */
export const swarmResponse = z.object({ peers: z.array(peerAddress) });

export const logoutRequest = z.object({});
export const logoutResponse = z.object({});

/** Pages: ask again with `cursor` set to the `next` of the last answer; the last page has none. */
export const pageQuery = z.object({
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  cursor: z.string().max(4096).optional(),
});

export const indexEntry = peerAddress.extend({ files: z.array(sharedFile) });
export type IndexEntry = z.infer<typeof indexEntry>;
/** A name at peers of the predecessor's dialect: nobody announced a hash, so what comes under it is unverified. */
export const unverifiedResult = z.object({
  name: z.string(),
  peers: z.array(z.object({ user: z.string(), ip, port, name: z.string() })),
});
export type UnverifiedResult = z.infer<typeof unverifiedResult>;
const unverified = z.array(unverifiedResult).optional();
export const indexResponse = z.object({
  peers: z.array(indexEntry),
  /** As in a search. */
  unverified,
  next: z.string().optional(),
});
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

/**
 * A peer that has the content, the name that the content has there, and the root that this peer announced, if it did; the size only where this
 * peer announced another than most.
 */
export const searchSource = peerAddress.extend({
  name: z.string(),
  root: sha256Hex.optional(),
  size: z.number().int().optional(),
});
export const searchResult = z.object({
  name: z.string(),
  size: z.number().int(),
  sha256: sha256Hex,
  /** What those who announced a root agree on; left out where nobody did, or where they disagree. */
  root: sha256Hex.optional(),
  peers: z.array(searchSource),
});
export type SearchResult = z.infer<typeof searchResult>;

export const searchResponse = z.object({
  results: z.array(searchResult),
  /** Only with the dialect on, and only in the first page. */
  unverified,
  next: z.string().optional(),
});
export type SearchResponse = z.infer<typeof searchResponse>;

export const errorResponse = z.object({
  error: z.object({ code: z.string(), message: z.string(), hint: z.string().optional() }),
});

/**
 * THE ENDPOINTS. The directory's routes, the typed client, /openapi.json, the page /docs and the table in
 * docs/directory-api.md are made from this table; the order is that in which the examples can be made.
 */
export interface Endpoint {
  readonly path: string;
  readonly methods: readonly ('GET' | 'POST' | 'PUT')[];
  /** Who may ask: a peer that is logged in (`Authorization: Bearer <token>`), or anyone. */
  readonly token: boolean;
  readonly does: string;
  /** What is asked: the parameters of a GET, the body of any other method. */
  readonly request: z.ZodType;
  readonly response: z.ZodType;
  /** Codes of its own, beside those that any request may get. */
  readonly errors: readonly ErrorCode[];
  /** Tokens and tickets differ each time. */
  readonly example: { readonly request: object; readonly response: object };
}

const hello = {
  name: 'hello.txt',
  size: 6,
  sha256: '5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03',
};
const ann = { user: 'ann', ip: '127.0.0.1', port: 7001 };
const TICKET = {
  ticket: 'eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJl',
  ticketKey: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
};
/** What a request with a list of files may be refused for. */
const FILES_ERRORS = [
  'too-many-files',
  'directory-full',
  'body-too-large',
  'too-deep',
  'busy',
  'storage-failed',
  'database-away',
] as const;

export const DIRECTORY = {
  login: {
    path: '/login',
    methods: ['POST'],
    token: false,
    does: 'Enters a peer and its files; gives a token, a lease and a ticket.',
    request: loginRequest,
    response: loginResponse,
    errors: [
      ...FILES_ERRORS,
      ...(['wrong-password', 'too-many-guesses', 'address-not-yours', 'address-taken', 'too-many-peers'] as const),
    ],
    example: {
      request: { ...ann, password: 'correct horse', files: [hello] },
      response: { token: 'YGlkiXlGDydiEaMUDAeeDeG4wblHNXI5iaPeBnsIBlA', leaseSeconds: 30, ...TICKET },
    },
  },
  index: {
    path: '/index',
    methods: ['GET', 'POST'],
    token: true,
    does: 'Lists the peers and their files.',
    request: pageQuery,
    response: indexResponse,
    errors: ['busy'],
    example: { request: { limit: 100 }, response: { peers: [{ ...ann, files: [hello] }] } },
  },
  search: {
    path: '/search',
    methods: ['GET'],
    token: true,
    does: 'Finds who holds a name or a content.',
    request: searchQuery,
    response: searchResponse,
    errors: ['search-too-costly', 'busy'],
    example: {
      request: { name: 'hello.*' },
      response: { results: [{ ...hello, peers: [{ ...ann, name: 'hello.txt' }] }] },
    },
  },
  loadfiles: {
    path: '/loadfiles',
    methods: ['PUT', 'POST'],
    token: true,
    does: "Replaces the peer's whole list of files at once.",
    request: loadfilesRequest,
    response: loadfilesResponse,
    errors: FILES_ERRORS,
    example: { request: { files: [] }, response: { files: 0 } },
  },
  heartbeat: {
    path: '/heartbeat',
    methods: ['POST'],
    token: true,
    does: 'Renews the lease, and says how busy the peer is.',
    request: heartbeatRequest,
    response: heartbeatResponse,
    errors: [],
    example: { request: { load: { serving: 1, capacity: 256 } }, response: { leaseSeconds: 30, ...TICKET } },
  },
  swarm: {
    path: '/swarm',
    methods: ['POST'],
    token: true,
    does: 'Says that the peer is fetching a content, or not any more; names others that are fetching it.',
    request: swarmRequest,
    response: swarmResponse,
    errors: [],
    example: { request: { root: hello.sha256, fetching: true }, response: { peers: [] } },
  },
  logout: {
    path: '/logout',
    methods: ['POST'],
    token: true,
    does: 'The peer and its files leave; its token ends.',
    request: logoutRequest,
    response: logoutResponse,
    errors: ['storage-failed'],
    example: { request: {}, response: {} },
  },
} as const satisfies Record<string, Endpoint>;
export type EndpointName = keyof typeof DIRECTORY;
/** What is asked, as it is sent. */
export type AskedOf<E extends EndpointName> = z.input<(typeof DIRECTORY)[E]['request']>;
/** What is asked, once it is checked. */
export type RequestOf<E extends EndpointName> = z.output<(typeof DIRECTORY)[E]['request']>;
export type AnswerOf<E extends EndpointName> = z.output<(typeof DIRECTORY)[E]['response']>;

/** What is asked of a GET, as it stands behind the `?`. */
export function queryText(asked: object): string {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(asked)) if (value !== undefined) query.set(key, String(value));
  return query.toString();
}
