import { SocketAddress } from 'node:net';
import type { Express, Request, RequestHandler } from 'express';
import { z } from 'zod';
import { bearerToken, parse } from '#base/http-service.ts';
import {
  type IndexResponse,
  type LoginResponse,
  loadfilesRequest,
  loginRequest,
  pageQuery,
  type SearchResponse,
  searchQuery,
} from '#proto/directory-api.ts';
import { PeerLabError } from '#proto/errors.ts';
import type { Accounts } from './accounts.ts';
import { cursorFrom, keyFrom, type PageRequest } from './pages.ts';
import type { Registration, Registry } from './registry.ts';
import { newToken, tokenHash } from './tokens.ts';

export interface RoutesComponents {
  accounts: Accounts;
  registry: Registry;
}

/** The body of a request that needs none. */
const nothing = z.object({});

/** The REST endpoints; docs/directory-api.md is their reference. */
export function directoryRoutes({ accounts, registry }: RoutesComponents): (app: Express) => void {
  const lease = () => ({ leaseSeconds: registry.leaseMs / 1000 });

  /** For a peer that is logged in: `answer` gets its registration, and what it returns is sent. */
  function asPeer(answer: (registration: Registration, req: Request) => object): RequestHandler {
    return (req, res) => {
      const token = bearerToken(req.headers.authorization);
      const registration = token && registry.findByToken(tokenHash(token));
      if (!registration) throw new PeerLabError('unauthorized');
      res.json(answer(registration, req));
    };
  }

  async function login(body: unknown): Promise<LoginResponse> {
    const { user, password, ip, port, files } = parse(loginRequest, body);
    await accounts.authenticate(user, password);
    const token = newToken();
    registry.register({ user, ip: canonicalIp(ip), port }, files, tokenHash(token));
    return { token, ...lease() };
  }

  function index(paging: unknown): IndexResponse {
    const { items, next } = registry.index(pageRequest(parse(pageQuery, paging)));
    return { peers: items, ...nextCursor(next) };
  }

  function search(asked: unknown): SearchResponse {
    const { name, sha256, root, ...paging } = parse(searchQuery, asked);
    // The schema lets through exactly one of the three.
    const query = name !== undefined ? { name } : root !== undefined ? { root } : { sha256: sha256 as string };
    const { items, next } = registry.search(query, pageRequest(paging));
    return { results: items, ...nextCursor(next) };
  }

  function loadfiles(registration: Registration, body: unknown): object {
    const { files } = parse(loadfilesRequest, body);
    registry.replaceFiles(registration, files);
    return { files: files.length };
  }

  return (app) => {
    app.post('/login', async (req, res) => void res.json(await login(req.body)));
    const loadfilesRoute = asPeer((peer, req) => loadfiles(peer, req.body));
    app.route('/loadfiles').put(loadfilesRoute).post(loadfilesRoute);
    app
      .route('/index')
      .get(asPeer((_peer, req) => index(req.query)))
      .post(asPeer((_peer, req) => index(req.body ?? {})));
    app.get(
      '/search',
      asPeer((_peer, req) => search(req.query)),
    );
    app.post(
      '/heartbeat',
      asPeer((peer, req) => {
        parse(nothing, req.body ?? {});
        registry.renew(peer);
        return lease();
      }),
    );
    app.post(
      '/logout',
      asPeer((peer, req) => {
        parse(nothing, req.body ?? {});
        registry.remove(peer);
        return {};
      }),
    );
  };
}

function pageRequest({ limit, cursor }: z.output<typeof pageQuery>): PageRequest {
  return { limit, after: cursor === undefined ? undefined : keyFrom(cursor) };
}

function nextCursor(key: string | undefined): { next?: string } {
  return key === undefined ? {} : { next: cursorFrom(key) };
}

/** One spelling for one address, or a second spelling would be a way around `address-taken`. */
function canonicalIp(ip: string): string {
  const family = ip.includes(':') ? 'ipv6' : 'ipv4';
  // An IPv4 address written as IPv6 (RFC 4291, section 2.5.5.2) is that IPv4 address.
  return new SocketAddress({ address: ip, family }).address.replace(/^::ffff:(?=\d+\.)/, '');
}
