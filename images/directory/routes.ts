import type { Express, Request, RequestHandler, Response } from 'express';
import type { z } from 'zod';
import { bearerToken, parse, sendJson, sendJsonText } from '#base/http-service.ts';
import type { Logger } from '#base/logger.ts';
import {
  addressText,
  type HeartbeatResponse,
  heartbeatRequest,
  type IndexResponse,
  type LoginRequest,
  type LoginResponse,
  loadfilesRequest,
  loginRequest,
  logoutRequest,
  pageQuery,
  type SearchResponse,
  searchQuery,
} from '#proto/directory-api.ts';
import { PeerLabError } from '#proto/errors.ts';
import { isGlob, nameFlaw } from '#proto/names.ts';
import { canonicalIp, mayRegister, type Networks } from '#proto/networks.ts';
import type { Accounts } from './accounts.ts';
import type { Bodies } from './body.ts';
import { callerIp } from './caller-ip.ts';
import { DOCS_PAGE_POLICY, docsPage } from './docs-page.ts';
import { openApi } from './openapi.ts';
import { cursorFrom, keyFrom, type PageRequest } from './pages.ts';
import { nameQueryOf, type Query, type Registration, type Registry } from './registry.ts';
import type { SdP2pPeers } from './sd-p2p/peers.ts';
import type { Tickets } from './tickets.ts';
import { newToken, tokenHash } from './tokens.ts';
import { Turns } from './turns.ts';

export interface RoutesComponents {
  accounts: Accounts;
  registry: Registry;
  tickets: Tickets;
  /** Of those who log in. */
  bodies: Bodies;
  /** Of those who are logged in: no stranger takes their room. */
  peerBodies: Bodies;
  logger: Logger;
  /** Peers of the predecessor's dialect; nobody, when it is off. */
  sdP2pPeers: SdP2pPeers;
  /** Returns when what was changed up to now will be there after a restart. */
  committed: () => Promise<void>;
  /** Told of every answer of these two: how long ago its most silent peer was heard of. */
  onAnswer: (endpoint: '/index' | '/search', ageMs: number) => void;
}

export interface RoutesInit {
  trusted: Networks | undefined;
  /** Files that one peer may announce. */
  maxFiles: number;
}

/** The REST endpoints; docs/directory-api.md is their reference. */
export function directoryRoutes(parts: RoutesComponents, { trusted, maxFiles }: RoutesInit): (app: Express) => void {
  const { accounts, registry, tickets, bodies, peerBodies, logger, sdP2pPeers, committed, onAnswer } = parts;

  /** For answers that are made of the whole index. */
  const longAnswers = new Turns(1 / 4);

  /**
   * For a peer that is logged in. Its token is looked at first: nobody else's body is read. That takes time to come, and
   * the token must hold then too.
   */
  function asPeerWith(answer: (registration: Registration, body: unknown) => object | Promise<object>): RequestHandler {
    return async (req, res) => {
      const { tokenHash: shown } = peerOf(req, registry);
      const body = await peerBodies.read(req, res);
      const registration = registry.findByToken(shown);
      if (!registration) throw new PeerLabError('unauthorized');
      sendJson(res, await answer(registration, body));
    };
  }

  function given(registration: Registration): HeartbeatResponse {
    return { leaseSeconds: registry.leaseMs / 1000, ...tickets.ticketOf(registration) };
  }

  /** Apart from `login`, which waits for its hash: what else came in the body must not wait with it. */
  async function readLogin(req: Request, res: Response): Promise<LoginRequest> {
    const body = await bodies.read(req, res);
    assertFileCount(body);
    return parse(loginRequest, body);
  }

  async function login(req: Request, wanted: LoginRequest): Promise<LoginResponse> {
    const { user, password, port, files, ...asked } = wanted;
    const peer = { user, ip: canonicalIp(asked.ip), port };
    const from = callerIp(req);
    if (!mayRegister(peer.ip, from, trusted)) {
      throw new PeerLabError('address-not-yours', { about: peer.ip, got: `a login from ${from ?? 'nowhere'}` });
    }
    const token = newToken();
    const attempt = { user, password, place: placeOf(peer, from) };
    const registration = await accounts.admit(attempt, () => registry.register(peer, files, tokenHash(token)));
    // Nobody owns a registration in the dialect: who has shown that the address is theirs takes its place.
    if (sdP2pPeers.has(registration.address)) sdP2pPeers.remove(registration.address);
    await committed();
    logger.info({ user, address: registration.address, files: files.length }, 'login');
    return { token, ...given(registration) };
  }

  /**
   * Where wrong guesses are counted: by user and source; for the address that the user's peer has now, apart from all
   * others, so that who guesses from the same machine does not keep this peer from coming back.
   */
  function placeOf(peer: Pick<LoginRequest, 'user' | 'ip' | 'port'>, from: string | undefined): string {
    const place = `from ${from}`;
    return registry.userAt(addressText(peer)) === peer.user ? `${place} at ${addressText(peer)}` : place;
  }

  function index(paging: unknown): IndexResponse {
    const { items, next, ageMs } = registry.index(pageRequest(parse(pageQuery, paging)));
    onAnswer('/index', ageMs);
    return { peers: items, ...nextCursor(next) };
  }

  /** What `search` would say, as JSON, where there is a short way to it. */
  function searchAlone(req: Request): string | undefined {
    const name = PLAIN_NAME.exec(req.url)?.[1];
    const alone = name !== undefined && sdP2pPeers.size === 0 && registry.searchAlone(name);
    if (!alone) return undefined;
    onAnswer('/search', alone.ageMs);
    return alone.json;
  }

  function search({ query, page }: Asked): SearchResponse {
    const { items, next, ageMs } = registry.search(query, page);
    onAnswer('/search', ageMs);
    const answer: SearchResponse = { results: items, ...nextCursor(next) };
    return sdP2pPeers.size > 0 && page.after === undefined ? { ...answer, ...unverifiedOf(query, page.limit) } : answer;
  }

  /** What peers of the dialect have under that name: without a hash nobody can tell whether two of them have the same. */
  function unverifiedOf(query: Query, limit: number): Pick<SearchResponse, 'unverified'> {
    const named = nameQueryOf(query);
    if (!named) return {};
    const names = sdP2pPeers.named(named.matches).filter((name) => nameFlaw(name) === undefined);
    const unverified = names
      .sort()
      .slice(0, limit)
      .map((name) => ({
        name,
        peers: sdP2pPeers.holding(name).map(({ user, ip, port }) => ({ user, ip, port, name })),
      }));
    return unverified.length === 0 ? {} : { unverified };
  }

  async function loadfiles(registration: Registration, body: unknown): Promise<object> {
    assertFileCount(body);
    const { files } = parse(loadfilesRequest, body);
    registry.replaceFiles(registration, files);
    await committed();
    return { files: files.length };
  }

  async function logout(registration: Registration, body: unknown): Promise<object> {
    parse(logoutRequest, body === undefined ? {} : body);
    registry.remove(registration);
    await committed();
    logger.info({ user: registration.peer.user, address: registration.address }, 'logout');
    return {};
  }

  function heartbeat(registration: Registration, body: unknown): HeartbeatResponse {
    const { load } = parse(heartbeatRequest, body === undefined ? {} : body);
    registry.renew(registration, load);
    return given(registration);
  }

  /** Before the list is looked at one by one. */
  function assertFileCount(body: unknown): void {
    const { files } = (body ?? {}) as { files?: unknown };
    if (!Array.isArray(files) || files.length <= maxFiles) return;
    throw new PeerLabError('too-many-files', { expected: `at most ${maxFiles}`, got: `${files.length}` });
  }

  let openApiText: string | undefined;
  return (app) => {
    // First, because it is asked most: Express looks at the routes one after the other.
    app.get('/search', async (req, res) => {
      peerOf(req, registry);
      const alone = searchAlone(req);
      if (alone !== undefined) return sendJsonText(res, alone);
      const asked = searchOf(req);
      const answer = () => sendJson(res, search(asked));
      return comparesNames(asked.query) ? longAnswers.run(answer) : answer();
    });
    app.get('/openapi.json', (_req, res) => {
      openApiText ??= JSON.stringify(openApi());
      res.type('json').send(openApiText);
    });
    app.get('/docs', (_req, res) => {
      res.set('content-security-policy', DOCS_PAGE_POLICY).type('html').send(docsPage());
    });
    app.post('/login', async (req: Request, res: Response) => {
      sendJson(res, await login(req, await readLogin(req, res)));
    });
    const loadfilesRoute = asPeerWith(loadfiles);
    app.route('/loadfiles').put(loadfilesRoute).post(loadfilesRoute);
    app
      .route('/index')
      .get(async (req, res) => {
        peerOf(req, registry);
        await longAnswers.run(() => sendJson(res, index(req.query)));
      })
      .post(asPeerWith((_peer, body) => longAnswers.run(() => index(body === undefined ? {} : body))));
    app.post('/heartbeat', asPeerWith(heartbeat));
    app.post('/logout', asPeerWith(logout));
  };
}

/** Who asks, by the token. @throws PeerLabError `unauthorized` */
export function peerOf(req: Request, registry: Registry): Registration {
  const token = bearerToken(req.headers.authorization);
  const registration = token && registry.findByToken(tokenHash(token));
  if (!registration) throw new PeerLabError('unauthorized');
  return registration;
}

/**
 * What nearly every search asks: a name, no glob, of characters that mean themselves. Nothing to decode, and nothing that
 * the schema would refuse; the way through both would cost more than the search.
 */
const PLAIN_NAME = /^[^?]*\?name=([\w.~-]{1,1024})$/;

interface Asked {
  readonly query: Query;
  readonly page: PageRequest;
}

/** Whether every name there is has to be looked at. */
function comparesNames(query: Query): boolean {
  return 'prefix' in query || ('name' in query && isGlob(query.name));
}

function searchOf(req: Request): Asked {
  const { limit, cursor, ...query } = parse(searchQuery, req.query);
  // The schema lets through exactly one key.
  return { query: query as Query, page: pageRequest({ limit, cursor }) };
}

function pageRequest({ limit, cursor }: z.output<typeof pageQuery>): PageRequest {
  return { limit, after: cursor === undefined ? undefined : keyFrom(cursor) };
}

function nextCursor(key: string | undefined): { next?: string } {
  return key === undefined ? {} : { next: cursorFrom(key) };
}
