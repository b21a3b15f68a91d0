import { Agent } from 'node:http';
import { inspect } from 'node:util';
import Docker from 'dockerode';
import { PeerLabError, reasonOf } from '#proto/errors.ts';
import { within } from '../deadline.ts';
import { connectionOf, type EngineInfo } from './engine.ts';

/** An engine under load takes many seconds to start a container; one that is silent for so long does not answer. */
const CALL_TIMEOUT_MS = 45_000;
const PING_TIMEOUT_MS = 3000;
/** What Node says when nobody is at the other end of the socket (any more). */
const CONNECTION_ERRORS = new Set(['ECONNREFUSED', 'ECONNRESET', 'ENOENT', 'EPIPE', 'EACCES', 'ETIMEDOUT']);

/** dockerode with a socket for each call: one that was kept may turn out dead when it is used, and look like a lost engine. */
export function dockerAt(endpoint: string, timeoutMs?: number): Docker {
  const options = { ...connectionOf(endpoint), timeout: timeoutMs, agent: new BriefAgent({ keepAlive: false }) };
  return new Docker(options as Docker.DockerOptions);
}

/**
 * docker-modem describes the options of every call in full for its debug log, also when nobody reads that. With the agent go all of its
 * sockets: with many calls under way that was most of the lab's CPU.
 */
class BriefAgent extends Agent {
  [inspect.custom](): string {
    return 'Agent';
  }
}

/** Calls to the engine, each with a deadline. Once the engine is lost, every call fails at once. */
export class EngineConnection {
  readonly docker: Docker;
  readonly info: EngineInfo;
  readonly #lost = new AbortController();

  constructor(info: EngineInfo) {
    this.info = info;
    // Without a timeout the socket of a call that was given up would stay open, and the program with it.
    this.docker = dockerAt(info.endpoint, CALL_TIMEOUT_MS + 5000);
  }

  /** Fires, with the error `engine-lost` as its reason, when the engine went away or does not answer. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** To be called by who sees the engine go. */
  lose(got: string): PeerLabError {
    const error = new PeerLabError('engine-lost', { about: this.info.endpoint, got });
    this.#lost.abort(error);
    return error;
  }

  /**
   * One call. `what` names it in errors: "start container x".
   * @throws PeerLabError `engine-lost`, `engine-failed` (it answered, with a refusal)
   */
  async call<T>(what: string, work: Promise<T>, timeoutMs = CALL_TIMEOUT_MS): Promise<T> {
    const late = () => this.lose(`no answer to "${what}" within ${timeoutMs} ms`);
    try {
      return await within(work, timeoutMs, late, this.lost);
    } catch (error) {
      throw this.errorOf(what, error);
    }
  }

  /** Tells what an error of a call means; one that says that nobody is there ends the connection. */
  errorOf(what: string, error: unknown): PeerLabError {
    if (error instanceof PeerLabError) return error;
    const isGone =
      CONNECTION_ERRORS.has((error as NodeJS.ErrnoException).code ?? '') || /socket hang up/.test(`${error}`);
    if (isGone) return this.lose(`${what}: ${reasonOf(error)}`);
    return new PeerLabError('engine-failed', { about: what, got: reasonOf(error).trim(), cause: error });
  }

  /** Whether it answers now, also after it was lost: it may be back. */
  async answers(): Promise<boolean> {
    return within(this.docker.ping(), PING_TIMEOUT_MS, () => new Error('late')).then(
      () => true,
      () => false,
    );
  }
}

/** The engine's HTTP status in an error of dockerode's, looked for also below `engine-failed`. */
export function statusOf(error: unknown): number | undefined {
  const { statusCode, cause } = error as { statusCode?: number; cause?: unknown };
  return statusCode ?? (cause ? statusOf(cause) : undefined);
}
