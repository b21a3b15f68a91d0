import http from 'node:http';
import { CONTROL, OPTIONAL_CONTROL, transferFailure } from '#proto/control-api.ts';
import { errorResponse } from '#proto/directory-api.ts';
import { ERRORS, isErrorCode, PeerLabError, reasonOf, toPeerLabError } from '#proto/errors.ts';
import { printable } from '#proto/printable.ts';
import { PROMISES } from '#proto/promises.ts';

/** An answer may be so large: the index of a thousand peers, far from what would hurt the lab. */
const MAX_ANSWER_BYTES = 256 * 1024 * 1024;

// A kept connection that the peer closes in the moment of the next call looks like a failed operation. Most servers keep one for 5 s or
// more, so the lab gives it up before. (It must be set: without a timeout of its own the agent does not heed what servers say of theirs.)
// node:http and not fetch: a transfer may take longer than fetch waits for headers, and this costs a third of the CPU.
const agent = new http.Agent({ keepAlive: true, maxFreeSockets: 256, timeout: PROMISES.idle.ms });

/** How a control call failed: the error as the peer (or the lab, for want of an answer) gave it, and what moved nevertheless. */
export interface ControlFailure {
  readonly code: string;
  readonly message: string;
  readonly definite: boolean;
  readonly bytes: number;
  readonly sources: { peer: string; bytes: number; error?: string | undefined; cut?: boolean | undefined }[];
}

const VERBS = { ...CONTROL, ...OPTIONAL_CONTROL };
type Verb = keyof typeof VERBS;

export interface ControlCall {
  readonly url: string;
  readonly token: string;
  readonly verb: Verb;
  readonly request: object;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Calls a peer's control port. Never throws: what can't be understood is a failure too, with the code that says so. */
export async function callControl(call: ControlCall): Promise<{ ok: unknown } | { failure: ControlFailure }> {
  try {
    const { status, type, body } = await exchange('POST', `${call.url}/control/${call.verb}`, {
      body: JSON.stringify(call.request),
      headers: { 'content-type': 'application/json', authorization: `Bearer ${call.token}` },
      timeoutMs: call.timeoutMs,
      signal: call.signal,
      // A download may take its time; the peer is trusted to answer, the deadline is the step's.
    });
    const json = parseJson(body);
    if (status !== 200) return { failure: refusal(call.verb, { status, type, body }, json) };
    if (json === undefined)
      throw new PeerLabError('bad-answer', { about: call.verb, expected: 'JSON', got: shown({ status, type, body }) });
    const answer = VERBS[call.verb].response.safeParse(json);
    if (answer.success) return { ok: answer.data };
    const [issue] = answer.error.issues;
    return {
      failure: failureOf(
        new PeerLabError('bad-answer', { about: `${call.verb}: ${issue?.path.join('.')}`, got: issue?.message ?? '' }),
      ),
    };
  } catch (error) {
    if (call.signal.aborted) return { failure: failureOf(new PeerLabError('interrupted')) };
    return { failure: failureOf(toPeerLabError(error)) };
  }
}

/** The text of `/metrics`. @throws PeerLabError `no-answer`, `connection-lost` or `bad-answer` */
export async function fetchMetrics(url: string, timeoutMs: number, signal: AbortSignal): Promise<string> {
  const { status, body } = await exchange('GET', `${url}/metrics`, { timeoutMs, signal });
  if (status !== 200)
    throw new PeerLabError('bad-answer', { about: '/metrics', expected: 'status 200', got: String(status) });
  return body;
}

/** The JSON answer to a JSON body. @throws PeerLabError `no-answer`, `connection-lost` or `bad-answer` */
export async function postJson(url: string, body: object, timeoutMs: number, signal: AbortSignal): Promise<unknown> {
  const headers = { 'content-type': 'application/json' };
  const answer = await exchange('POST', url, { body: JSON.stringify(body), headers, timeoutMs, signal });
  const json = parseJson(answer.body);
  if (answer.status === 200 && json !== undefined) return json;
  throw new PeerLabError('bad-answer', { about: new URL(url).pathname, expected: 'status 200', got: shown(answer) });
}

/** What servers say of a path or a method that they do not have. */
const UNKNOWN_TO_SERVERS: ReadonlySet<number> = new Set([404, 405, 501]);

function refusal(verb: Verb, answer: Answer, json: unknown): ControlFailure {
  const body = errorResponse.safeParse(json);
  const code = body.success ? body.data.error.code : undefined;
  if (UNKNOWN_TO_SERVERS.has(answer.status) && (code === undefined || code === 'no-such-route'))
    return failureOf(new PeerLabError('not-supported', { about: verb, got: `status ${answer.status}` }));
  if (!body.success || code === undefined) {
    const expected = '{error: {code, message}} with a status that is not 200';
    return failureOf(new PeerLabError('bad-answer', { about: verb, expected, got: shown(answer) }));
  }
  const { message } = body.data.error;
  const moved = transferFailure.safeParse(json);
  return {
    code,
    message,
    definite: isErrorCode(code) && ERRORS[code].definite,
    ...(moved.success ? moved.data : { bytes: 0, sources: [] }),
  };
}

function failureOf(error: PeerLabError): ControlFailure {
  return { code: error.code, message: error.message, definite: error.kind.definite, bytes: 0, sources: [] };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** So much of an answer that nobody understands is told. */
const MAX_SHOWN_CHARS = 120;

function shown({ status, type, body }: Answer): string {
  const what =
    body.trim() === '' ? 'nothing' : `${type === '' ? 'text' : type} "${printable(body.trim(), MAX_SHOWN_CHARS)}"`;
  return `status ${status} and ${what}`;
}

interface Answer {
  readonly status: number;
  /** Its content type, if it names one. */
  readonly type: string;
  readonly body: string;
}

interface Exchange {
  readonly body?: string;
  readonly headers?: Record<string, string>;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

function exchange(method: string, url: string, { body, headers = {}, timeoutMs, signal }: Exchange): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const began = performance.now();
  const deadline = AbortSignal.timeout(timeoutMs);
  const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
  const request = http.request(url, {
    method,
    agent,
    headers: { ...headers, ...length },
    signal: AbortSignal.any([signal, deadline]),
  });
  const fail = (error: Error) => {
    const waited = deadline.aborted && !signal.aborted;
    const about = new URL(url).pathname;
    const afterSeconds = ((performance.now() - began) / 1000).toFixed(1);
    reject(
      waited
        ? new PeerLabError('no-answer', { about, got: `nothing within ${timeoutMs / 1000} s`, cause: error })
        : new PeerLabError('connection-lost', {
            about,
            got: `${reasonOf(error)} after ${afterSeconds} s`,
            cause: error,
          }),
    );
  };
  request.on('error', fail);
  request.on('response', (response) => {
    const parts: Buffer[] = [];
    let size = 0;
    response.on('error', fail);
    response.on('data', (part: Buffer) => {
      size += part.length;
      if (size > MAX_ANSWER_BYTES) request.destroy(new Error(`an answer of over ${MAX_ANSWER_BYTES} bytes`));
      else parts.push(part);
    });
    const { statusCode: status = 0, headers: said } = response;
    const type = said['content-type'] ?? '';
    response.on('end', () => resolve({ status, type, body: Buffer.concat(parts).toString() }));
  });
  request.end(body);
  return promise;
}
