import type { Express, Request, RequestHandler, Response } from 'express';
import { bearerToken, parse, sendJson, sendJsonText } from '#base/http-service.ts';
import { DIRECTORY, type Endpoint, type EndpointName, type RequestOf } from '#proto/directory-api.ts';
import { PeerLabError } from '#proto/errors.ts';
import type { Bodies } from './body.ts';
import { callerIp } from './caller-ip.ts';
import { DOCS_PAGE_POLICY, docsPage } from './docs-page.ts';
import type { Caller, Handler, Handlers } from './handlers.ts';
import { openApi } from './openapi.ts';
import type { Registration, Registry } from './registry.ts';
import type { Keeping } from './storage/keeping.ts';
import { tokenHash } from './tokens.ts';
import { YieldingQueue } from './yielding-queue.ts';

export interface RoutesComponents {
  handlers: Handlers;
  registry: Registry;
  keeping: Pick<Keeping, 'isCurrent' | 'catchUp'>;
  /** Of strangers: those who log in. */
  bodies: Bodies;
  /** Of those who are logged in: no stranger takes their room. */
  peerBodies: Bodies;
}

export interface RoutesInit {
  /** Files that one peer may announce. */
  maxFiles: number;
  /** Whether the predecessor's dialect is on; it has routes of its own. */
  sdP2p: boolean;
}

/** The routes of DIRECTORY's endpoints, each with its handler; docs/directory-api.md is their reference. */
export function directoryRoutes(parts: RoutesComponents, { maxFiles, sdP2p }: RoutesInit): (app: Express) => void {
  const { handlers, registry, keeping, bodies, peerBodies } = parts;

  /** For answers that are made of the whole index. */
  const longAnswers = new YieldingQueue(1 / 4);

  function respond<E extends EndpointName>(handler: Handler<E>, asked: RequestOf<E>, by: Caller<E>, res: Response) {
    const answered = () => {
      const answer = handler.answer(asked, by);
      return answer instanceof Promise ? answer.then((body) => sendJson(res, body)) : sendJson(res, answer);
    };
    return handler.isLong?.(asked) ? longAnswers.run(answered) : answered();
  }

  /** What a GET asks stands in its URL: nothing has to be waited for. */
  function routeOfQuery<E extends EndpointName>(name: E): RequestHandler {
    const { token, request }: Endpoint = DIRECTORY[name];
    const handler = handlers[name] as Handler<E>;
    return (req, res) => {
      if (!sdP2p && isDialectQuery(req)) throw dialectIsOff();
      const answered = (by: Caller<E>) => {
        const short = handler.shortcut?.(req);
        if (short !== undefined) return sendJsonText(res, short);
        return respond(handler, parse(request, req.query) as RequestOf<E>, by, res);
      };
      const by = (token ? holderOf(tokenIn(req)) : callerIp(req)) as Caller<E> | Promise<Caller<E>>;
      return by instanceof Promise ? by.then(answered) : answered(by);
    };
  }

  /**
   * Who asks, by the token. What is not known here may be known to another directory by now, and what is known may have ended
   * there: as long as nobody can say, nobody is let in. @throws PeerLabError `unauthorized`, `database-away`
   */
  function holderOf(hash: string): Registration | Promise<Registration> {
    const known = keeping.isCurrent() ? registry.findByToken(hash) : undefined;
    return known ?? (keeping.catchUp ? keeping.catchUp().then(() => registry.holderOf(hash)) : registry.holderOf(hash));
  }

  /**
   * A token is looked at first: nobody else's body is read. That takes time to come, and the token must hold then too.
   */
  function routeOfBody<E extends EndpointName>(name: E): RequestHandler {
    const { token, request }: Endpoint = DIRECTORY[name];
    const handler = handlers[name] as Handler<E>;
    return async (req, res) => {
      if (!sdP2p && IN_DIALECT_TOO.has(name) && req.headers.authorization === undefined) throw noTokenInDialect();
      const shown = token ? tokenIn(req) : undefined;
      if (shown !== undefined) await holderOf(shown);
      const asked = parse(request, await readBody(req, res, token ? peerBodies : bodies));
      const by = shown === undefined ? callerIp(req) : await holderOf(shown);
      return respond(handler, asked as RequestOf<E>, by as Caller<E>, res);
    };
  }

  /** Apart from the routes, which may wait for long (a login for its hash): what else came in a body must not wait with them. */
  async function readBody(req: Request, res: Response, room: Bodies): Promise<unknown> {
    const body = (await room.read(req, res)) as { files?: unknown; archivos?: unknown } | null | undefined;
    // Before the list is looked at one by one.
    if (Array.isArray(body?.files) && body.files.length > maxFiles)
      throw new PeerLabError('too-many-files', { expected: `at most ${maxFiles}`, got: `${body.files.length}` });
    if (!sdP2p && body?.archivos !== undefined && body.files === undefined) throw dialectIsOff();
    return body === undefined ? {} : body;
  }

  let openApiText: string | undefined;
  return (app) => {
    for (const name of Object.keys(handlers) as EndpointName[]) {
      const { path, methods }: Endpoint = DIRECTORY[name];
      const route = app.route(path);
      if (methods.includes('GET')) route.get(routeOfQuery(name));
      if (methods.includes('PUT')) route.put(routeOfBody(name));
      if (methods.includes('POST')) route.post(routeOfBody(name));
    }
    app.get('/openapi.json', (_req, res) => {
      openApiText ??= JSON.stringify(openApi());
      res.type('json').send(openApiText);
    });
    app.get('/docs', (_req, res) => {
      res.set('content-security-policy', DOCS_PAGE_POLICY).type('html').send(docsPage());
    });
  };
}

/** What is kept of the token that is shown. @throws PeerLabError `unauthorized` */
function tokenIn(req: Request): string {
  const token = bearerToken(req.headers.authorization);
  if (token === undefined) throw new PeerLabError('unauthorized');
  return tokenHash(token);
}

/** A GET with a body and without a token: only the predecessor's peers ask so. */
function isDialectQuery({ headers }: Request): boolean {
  const hasBody = headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined;
  return hasBody && headers.authorization === undefined;
}

/** Endpoints for which our peers need a token, and the predecessor's have none. */
const IN_DIALECT_TOO: ReadonlySet<EndpointName> = new Set(['loadfiles', 'logout']);

/** Nobody's body is read to find out who it was. */
function noTokenInDialect(): PeerLabError {
  const off = 'peers of SD_P2P have none, and their dialect is off here (DIRECTORY_SD_P2P=1 turns it on)';
  return new PeerLabError('unauthorized', { expected: `a token; ${off}` });
}

function dialectIsOff(): PeerLabError {
  return new PeerLabError('dialect-off');
}
