import { PeerLabError, reasonOf } from '#proto/errors.ts';
import { makeFolder } from '../history/make-folder.ts';
import { type PageServer, startPageServer } from './server.ts';

/** Where the page is, if nobody says otherwise and it is free. */
const USUAL_PORT = 8470;

export interface ServeInit {
  readonly results: string;
  readonly host?: string | undefined;
  readonly port?: number | undefined;
}

/**
 * The live page of a results folder, which need not be there yet.
 * @throws PeerLabError `bad-setting`, `results-unusable`, `usage` when it can't listen there
 */
export async function serve({ results, host = '127.0.0.1', port }: ServeInit): Promise<PageServer> {
  makeFolder(results);
  const init = { results, host, token: process.env.PEERLAB_SERVE_TOKEN || undefined };
  try {
    return await startPageServer({ ...init, port: port ?? USUAL_PORT });
  } catch (error) {
    const isTaken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
    if (isTaken && port === undefined) return startPageServer({ ...init, port: 0 });
    if (error instanceof PeerLabError) throw error;
    throw new PeerLabError('usage', { about: `--host ${host} --port ${port}`, got: reasonOf(error), cause: error });
  }
}
