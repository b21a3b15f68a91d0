import type { Agent, IncomingMessage, OutgoingHttpHeaders } from 'node:http';

// Not imported: an import of node:http from an ES module evaluates its getters, undici among them: 20 ms of CPU at every start.
const http = process.getBuiltinModule('node:http');
const https = process.getBuiltinModule('node:https');

/**
 * As Node's own, but for one thing: with NODE_USE_ENV_PROXY and HTTP_PROXY, Node's would send requests to a proxy. Directories
 * and peers are reached directly, unless a URL names the proxy itself.
 */
const AGENT = { keepAlive: true, scheduling: 'lifo', timeout: 5000 } as const;
const agents = { http: new http.Agent(AGENT), https: new https.Agent(AGENT) };

export interface JsonRequest {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly url: string;
  readonly token?: string | undefined;
  readonly body?: unknown;
  /** From the request to the last byte of the answer. Without one it waits as long as the connection holds. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
  /** Certificates (PEM) to trust instead of those that Node knows. */
  readonly ca?: Buffer | undefined;
}

export interface JsonAnswer {
  readonly status: number;
  /** undefined when the answer is no JSON. */
  readonly body: unknown;
  /** The clock of who answers, in milliseconds since 1970, where it says. */
  readonly dateMs?: number;
}

/** What may be asked once more when nobody knows whether it was heard (RFC 9110, 9.2.2). */
const REPEATABLE: ReadonlySet<string> = new Set(['GET', 'PUT']);

/** Larger answers are not taken. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

/**
 * One JSON request. `node:http` by itself: it is there at once, where the first `fetch` costs 40 ms of CPU.
 * Rejects when no whole answer comes; any status is an answer.
 */
export function requestJson(request: JsonRequest): Promise<JsonAnswer> {
  const { method, url, token, body, timeoutMs, signal, ca } = request;
  const text = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
  const headers: OutgoingHttpHeaders = { accept: 'application/json' };
  if (token !== undefined) headers.authorization = `Bearer ${token}`;
  if (text) Object.assign(headers, { 'content-type': 'application/json', 'content-length': text.length });

  const deadline = timeoutMs === undefined ? undefined : AbortSignal.timeout(timeoutMs);
  const signals = [deadline, signal].filter((one) => one !== undefined);
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => reject(deadline?.aborted ? new Error(`no answer in ${timeoutMs} ms`) : error);
    const isSecure = url.startsWith('https:');
    const send = (agent: Agent | false) => {
      const sent = (isSecure ? https : http)
        .request(url, { method, headers, agent, signal: AbortSignal.any(signals), ...(ca && { ca }) }, (response) => {
          const dateMs = Date.parse(response.headers.date ?? '');
          const head = { status: response.statusCode ?? 0, ...(Number.isFinite(dateMs) && { dateMs }) };
          readAll(response).then((answer) => resolve({ ...head, body: parsed(answer) }), fail);
        })
        .on('error', (error: NodeJS.ErrnoException) => {
          // The other end had closed a connection that was kept; of several directories behind one address it is one that died.
          const wasClosed = agent !== false && sent.reusedSocket && error.code === 'ECONNRESET';
          if (wasClosed && REPEATABLE.has(method)) send(false);
          else fail(error);
        });
      sent.end(text);
    };
    send(isSecure ? agents.https : agents.http);
  });
}

async function readAll(response: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > MAX_ANSWER_BYTES) throw new Error(`an answer of more than ${MAX_ANSWER_BYTES} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
