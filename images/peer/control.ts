import { createHash, timingSafeEqual } from 'node:crypto';
import type { Express, RequestHandler, Response } from 'express';
import type { z } from 'zod';
import { bearerToken, parse } from '#base/http-service.ts';
import {
  CONTROL,
  type ControlResponse,
  type ControlVerb,
  OPTIONAL_CONTROL,
  type OptionalRequest,
  type OptionalResponse,
  type OptionalVerb,
} from '#proto/control-api.ts';
import { PeerLabError } from '#proto/errors.ts';
import type { Batches } from './client/batches.ts';
import type { Downloads } from './client/downloads.ts';
import type { Uploads } from './client/uploads.ts';
import type { FoundNear } from './directory/dialling.ts';
import type { DirectorySession } from './directory/session.ts';
import type { Share } from './share/share.ts';

export interface ControlInit {
  readonly token: string;
  readonly share: Share;
  /** Resolves after the first scan of the share. */
  readonly scanned: Promise<void>;
  readonly directory: DirectorySession;
  readonly downloads: Downloads;
  readonly batches: Batches;
  readonly uploads: Uploads;
}

const VERBS = { ...CONTROL, ...OPTIONAL_CONTROL };
type Verb = keyof typeof VERBS;
type Request<V extends ControlVerb> = z.output<(typeof CONTROL)[V]['request']>;
type Handlers = {
  [V in ControlVerb]: (request: Request<V>, signal: AbortSignal) => Promise<ControlResponse<V>>;
} & {
  [V in OptionalVerb]: (request: OptionalRequest<V>, signal: AbortSignal) => Promise<OptionalResponse<V>>;
};

/** The verbs of the control port, behind the token. */
export function controlRoutes(init: ControlInit): (app: Express) => void {
  const handlers = handlersOf(init);
  return (app) => {
    app.use('/control', tokenGuard(init.token));
    for (const verb of Object.keys(VERBS) as Verb[]) app.post(`/control/${verb}`, route(verb, handlers));
  };
}

function handlersOf({ share, scanned, directory, downloads, batches, uploads }: ControlInit): Handlers {
  return {
    login: async () => {
      await scanned;
      return directory.login();
    },
    index: async (_, signal) => {
      const { peers, ...rest } = await directory.index(signal);
      return { peers, ...doubts(rest) };
    },
    search: async ({ name, sha256 }, signal) => {
      if ((name === undefined) === (sha256 === undefined)) {
        throw new PeerLabError('bad-request', { expected: 'one of name and sha256' });
      }
      const { results, ...rest } = await directory.search({ name, sha256 }, signal);
      return { results, ...doubts(rest) };
    },
    download: (request, signal) => downloads.download(request, signal),
    upload: (request, signal) => uploads.upload(request, signal),
    loadfiles: async () => {
      await share.rescan();
      if (!directory.isLoggedIn) throw new PeerLabError('not-logged-in');
      await directory.publish();
      if (share.trouble) throw share.trouble;
      return { files: share.fileCount, ...(share.hashing > 0 && { hashing: share.hashing }) };
    },
    logout: async () => {
      await directory.logout();
      return {};
    },
    batch: ({ match }, signal) => batches.fetch(match, signal),
    pieces: async () => ({ contents: downloads.pieces() }),
  };
}

/** What is only said where there is any. */
function doubts({ unverified, notDialled }: Pick<FoundNear, 'unverified' | 'notDialled'>) {
  return { ...(unverified.length > 0 && { unverified }), ...(notDialled.length > 0 && { notDialled }) };
}

function route(verb: Verb, handlers: Handlers): RequestHandler {
  return async (req, res) => {
    const request = parse<z.ZodType>(VERBS[verb].request, req.body ?? {});
    res.json(await handlers[verb](request as never, callerGone(res)));
  };
}

/** Fires when the connection closes before the answer is out: nobody waits for the work any more. */
function callerGone(res: Response): AbortSignal {
  const controller = new AbortController();
  res.once('close', () => {
    if (!res.writableEnded) controller.abort();
  });
  return controller.signal;
}

/** Compares digests, so that neither the length nor a common beginning of the token shows in the time taken. */
function tokenGuard(token: string): RequestHandler {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  const right = digest(token);
  return (req, _res, next) => {
    if (!timingSafeEqual(digest(bearerToken(req.headers.authorization) ?? ''), right))
      throw new PeerLabError('unauthorized');
    next();
  };
}
