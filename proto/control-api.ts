import { z } from 'zod';
import { normalAddress } from './addresses.ts';
import { fileName, indexResponse, searchResponse, sha256Hex, unverifiedResult } from './directory-api.ts';
import { MAX_MAPPED_CONTENTS, pieceMap } from './piece-map.ts';

/**
 * The peer's control port: `POST /control/<verb>` with `Authorization: Bearer <PEER_CONTROL_TOKEN>` and a JSON body. Any
 * status but 200 is a failure with `{error: {code, message, hint}}`; a failed transfer says beside it what did move. These tables are
 * what the peer serves, and what the lab asks.
 */

const count = z.number().int().nonnegative();
const duration = z.number().nonnegative();

const sources = z.array(
  z.object({
    peer: z.string(),
    bytes: count,
    /** The code of what made the transfer leave this peer; the others went on. `hash-mismatch` and `too-many-bytes`: it lied. */
    error: z.string().optional(),
    /** Whether a call to this peer was ended before its end: then it may have sent more than arrived. */
    cut: z.boolean().optional(),
  }),
);

/** `ip:port` or `host:port`. */
const place = z.string().overwrite(normalAddress);

/** Files that nobody knows a hash of, and addresses that the directory names and this peer does not dial. */
const doubts = {
  unverified: z.array(unverifiedResult).optional(),
  notDialled: z.array(z.string()).optional(),
};

/**
 * How a transfer ended. `bytes`: content that crossed the wire, failed attempts included; `sources`: the same by
 * the `ip:port` it came from or went to; `seconds`: from request to published; `size`: of the file. `verified`: what proved
 * the content, `none` when nobody knew a hash; `resumedBytes`: were there and right from an earlier attempt.
 */
export const transferResult = z.object({
  outcome: z.literal('ok'),
  name: z.string(),
  size: count,
  sha256: sha256Hex,
  bytes: count,
  sources,
  seconds: duration,
  firstByteSeconds: duration.optional(),
  verified: z.enum(['tree', 'sha256', 'none']).optional(),
  resumedBytes: count.optional(),
});
export type TransferResult = z.infer<typeof transferResult>;

/** Body of a failed transfer: what moved before it failed. A peer may leave it out. */
export const transferFailure = z.object({ bytes: count.default(0), sources: sources.default([]) });
export type TransferFailure = z.infer<typeof transferFailure>;

export const CONTROL = {
  login: { request: z.object({}), response: z.object({ leaseSeconds: duration }) },
  index: { request: z.object({}), response: indexResponse.omit({ next: true }).extend(doubts) },
  search: {
    request: z.object({ name: z.string().min(1).optional(), sha256: sha256Hex.optional() }),
    response: searchResponse.omit({ next: true }).extend(doubts),
  },
  /** `from`: ip:port of the only source to use; otherwise the directory is asked. */
  download: {
    request: z.object({ name: fileName, sha256: sha256Hex.optional(), from: place.optional() }),
    response: transferResult,
  },
  /** `to`: ip:port of the peer that should store the file. */
  upload: { request: z.object({ name: fileName, to: place }), response: transferResult },
  /** Looks at the share folder again and publishes it; answers with the number of files. `hashing`: files that follow, as they take long to hash. */
  loadfiles: {
    request: z.object({}),
    response: z.object({ files: count, hashing: count.optional() }),
  },
  logout: { request: z.object({}), response: z.object({}) },
} as const;

export type ControlVerb = keyof typeof CONTROL;
export type ControlRequest<V extends ControlVerb> = z.input<(typeof CONTROL)[V]['request']>;
export type ControlResponse<V extends ControlVerb> = z.output<(typeof CONTROL)[V]['response']>;

/** Verbs that a peer need not have. */
export const OPTIONAL_CONTROL = {
  /**
   * Fetches all files whose names match a pattern and that the peer does not have yet. How it ended: `files` that are there now, those that
   * were there before included, and `size`, the bytes of them; `bytes` and `sources` as of a transfer; `failures`, of which the first are
   * named.
   */
  batch: {
    request: z.object({ match: z.string().min(1).max(1024) }),
    response: z.object({
      outcome: z.literal('ok'),
      match: z.string(),
      files: count,
      size: count,
      bytes: count,
      sources,
      seconds: duration,
      /** Of the files that were fetched: those that nobody knew a hash of. */
      unverified: count.optional(),
      notDialled: doubts.notDialled,
      failures: count,
      failed: z.array(z.object({ name: z.string(), code: z.string(), message: z.string() })),
    }),
  },
  /** Which pieces are there of each content that is on its way. */
  pieces: {
    request: z.object({}),
    response: z.object({ contents: z.array(pieceMap).max(MAX_MAPPED_CONTENTS) }),
  },
} as const;
export type OptionalVerb = keyof typeof OPTIONAL_CONTROL;
export type OptionalRequest<V extends OptionalVerb> = z.output<(typeof OPTIONAL_CONTROL)[V]['request']>;
export type OptionalResponse<V extends OptionalVerb> = z.output<(typeof OPTIONAL_CONTROL)[V]['response']>;
export type BatchResult = OptionalResponse<'batch'>;
