import type { Request } from 'express';
import type { Logger } from '#base/logger.ts';
import { addressText } from '#proto/addresses.ts';
import {
  type AnswerOf,
  type DIRECTORY,
  type EndpointName,
  type HeartbeatResponse,
  LOGIN_FROM,
  type LoginRequest,
  MAX_SWARM_PEERS,
  type RequestOf,
  type SearchResponse,
} from '#proto/directory-api.ts';
import { PeerLabError } from '#proto/errors.ts';
import { isGlob, nameFlaw } from '#proto/names.ts';
import { mayRegister, type Networks } from '#proto/networks.ts';
import type { Accounts } from './accounts.ts';
import { cursorFrom, keyFrom, type PageRequest } from './pages.ts';
import { nameQueryOf, type Query, type Registration, type Registry } from './registry.ts';
import type { SdP2pPeers } from './sd-p2p/peers.ts';
import type { Keeping } from './storage/keeping.ts';
import type { Tickets } from './tickets.ts';
import { newToken, tokenHash } from './tokens.ts';

export interface HandlersComponents {
  accounts: Accounts;
  registry: Registry;
  tickets: Tickets;
  logger: Logger;
  /** Peers of the predecessor's dialect; nobody, when it is off. */
  sdP2pPeers: SdP2pPeers;
  /** Whoever changes something does it inside of this. */
  keeping: Keeping;
  /** Told of every answer of these two: how long ago its most silent peer was heard of. */
  onAnswer: (endpoint: 'index' | 'search', ageMs: number) => void;
}

/** Who asks: the registration of a peer that is logged in; of anyone else, the address that the request comes from. */
export type Caller<E extends EndpointName> = (typeof DIRECTORY)[E]['token'] extends true
  ? Registration
  : string | undefined;

/** How an endpoint is answered; all else of it stands in its entry of DIRECTORY. */
export interface Handler<E extends EndpointName> {
  answer(asked: RequestOf<E>, caller: Caller<E>): AnswerOf<E> | Promise<AnswerOf<E>>;
  /** A short way to the answer, as JSON, where there is one: before what is asked is taken apart. */
  readonly shortcut?: (req: Request) => string | undefined;
  /** Whether the whole index is looked at, so that others get their turn before. */
  readonly isLong?: (asked: RequestOf<E>) => boolean;
}

export type Handlers = { readonly [E in EndpointName]: Handler<E> };

/** The handlers, in the order in which they are asked most: Express looks at the routes one after the other. */
export function handlersOf(parts: HandlersComponents, { trusted }: { trusted: Networks | undefined }): Handlers {
  const { accounts, registry, tickets, logger, sdP2pPeers, keeping, onAnswer } = parts;

  function given(registration: Registration): HeartbeatResponse {
    return { leaseSeconds: registry.leaseMs / 1000, ...tickets.ticketOf(registration) };
  }

  /**
   * Where wrong guesses are counted: by user and source; for the address that the user's peer has now, apart from all
   * others, so that who guesses from the same machine does not keep this peer from coming back.
   */
  function placeOf(peer: Pick<LoginRequest, 'user' | 'ip' | 'port'>, from: string | undefined): string {
    const place = `from ${from}`;
    return registry.userAt(addressText(peer)) === peer.user ? `${place} at ${addressText(peer)}` : place;
  }

  /** What peers of the dialect have under that name: without a hash nobody can tell whether two of them have the same. */
  function unverifiedOf(
    matches: (name: string) => boolean,
    { after, limit }: PageRequest,
  ): Pick<SearchResponse, 'unverified'> {
    if (sdP2pPeers.size === 0 || after !== undefined) return {};
    const names = sdP2pPeers.named(matches).filter((name) => nameFlaw(name) === undefined);
    const unverified = names
      .sort()
      .slice(0, limit)
      .map((name) => ({
        name,
        peers: sdP2pPeers.holding(name).map(({ user, ip, port }) => ({ user, ip, port, name })),
      }));
    return unverified.length === 0 ? {} : { unverified };
  }

  return {
    search: {
      shortcut: (req) => {
        const name = PLAIN_NAME.exec(req.url)?.[1];
        const alone = name !== undefined && sdP2pPeers.size === 0 && registry.searchAlone(name);
        if (!alone) return undefined;
        onAnswer('search', alone.ageMs);
        return alone.json;
      },
      isLong: ({ name, prefix }) => prefix !== undefined || (name !== undefined && isGlob(name)),
      answer: ({ limit, cursor, ...asked }) => {
        // The schema lets through exactly one key.
        const query = asked as Query;
        const page = pageRequest({ limit, cursor });
        const { items, next, ageMs } = registry.search(query, page);
        onAnswer('search', ageMs);
        const named = nameQueryOf(query);
        return { results: items, ...(named && unverifiedOf(named.matches, page)), ...nextCursor(next) };
      },
    },
    heartbeat: {
      answer: ({ load }, registration) => {
        const known = keeping.renewed(registration, registry.renew(registration, load));
        return known ? known.then(() => given(registration)) : given(registration);
      },
    },
    login: {
      answer: async ({ user, password, ip, port, files }, from) => {
        const peer = { user, ip, port };
        if (!mayRegister(peer.ip, from, trusted)) {
          throw new PeerLabError('address-not-yours', { about: peer.ip, got: `${LOGIN_FROM}${from ?? 'nowhere'}` });
        }
        const token = newToken();
        const attempt = { user, password, place: placeOf(peer, from) };
        const enter = () => {
          const registration = registry.register(peer, files, tokenHash(token));
          // Nobody owns a registration in the dialect: who has shown that the address is theirs takes its place.
          if (sdP2pPeers.has(registration.address)) sdP2pPeers.remove(registration.address);
          return registration;
        };
        const registration = await accounts.admit(attempt, enter, (work) => keeping.change(work));
        logger.info({ user, address: registration.address, files: files.length }, 'login');
        return { token, ...given(registration) };
      },
    },
    index: {
      isLong: () => true,
      answer: (paging) => {
        const page = pageRequest(paging);
        const { items, next, ageMs } = registry.index(page);
        onAnswer('index', ageMs);
        return { peers: items, ...unverifiedOf(() => true, page), ...nextCursor(next) };
      },
    },
    loadfiles: {
      answer: async ({ files }, { tokenHash }) => {
        // By the token: at the moment of the change it may have ended.
        await keeping.change(() => registry.replaceFiles(registry.holderOf(tokenHash), files));
        return { files: files.length };
      },
    },
    swarm: {
      answer: ({ root, fetching }, registration) => ({
        peers: registry.swarm(registration, root, fetching, MAX_SWARM_PEERS),
      }),
    },
    logout: {
      answer: async (_nothing, { tokenHash, address, peer: { user } }) => {
        await keeping.change(() => registry.remove(registry.holderOf(tokenHash)));
        logger.info({ user, address }, 'logout');
        return {};
      },
    },
  };
}

/**
 * What nearly every search asks: a name, no glob, of characters that mean themselves. Nothing to decode, and nothing that
 * the schema would refuse; the way through both would cost more than the search.
 */
const PLAIN_NAME = /^[^?]*\?name=([\w.~-]{1,1024})$/;

function pageRequest({ limit, cursor }: RequestOf<'index'>): PageRequest {
  return { limit, after: cursor === undefined ? undefined : keyFrom(cursor) };
}

function nextCursor(key: string | undefined): { next?: string } {
  return key === undefined ? {} : { next: cursorFrom(key) };
}
