import { createServer, type IncomingMessage } from 'node:http';
import {
  CONTROL,
  type ControlRequest,
  type ControlResponse,
  type ControlVerb,
  type TransferResult,
} from '#proto/control-api.ts';
import type { PeerEnv } from '#proto/env.ts';
import { PeerLabError, toPeerLabError } from '#proto/errors.ts';

/**
 * DOUBLES: small programs that keep the form of the peer contract and break its meaning. They know the wire and nothing of
 * PeerLab's own peer; `node lab/doubles/<name>.ts` is a `--peer-image` of the process driver. This file is what they have in common:
 * the control port.
 */

/** What a double answers with status 200; what it throws is a refusal. */
export type Answers = {
  [V in ControlVerb]: (request: ControlRequest<V>) => ControlResponse<V> | Promise<ControlResponse<V>>;
};

/** Bytes that the double says it has moved. */
export interface Counters {
  sent: number;
  received: number;
}

/** A control request is a few hundred bytes. */
const MAX_BODY_BYTES = 64 * 1024;

/** The lab sets every one of them. */
export const settings = process.env as Required<PeerEnv>;

/** What a double answers at paths of its own, below `/double/`, without a token: only the lab knows them. */
export type OwnAnswers = Readonly<Record<string, (body: unknown) => object | Promise<object>>>;

/**
 * Listens where the lab wants it to, until SIGTERM; ends with the exit code in `DOUBLE_EXIT_CODE`, without one with 0.
 * @param goodbye what it does before it ends
 */
export function startDouble(
  answers: Answers,
  counters: Counters,
  own: OwnAnswers = {},
  goodbye: () => Promise<void> = async () => {},
): void {
  const server = createServer(async (request, response) => {
    const [status, type, body] = await answer(request, answers, counters, own);
    response.writeHead(status, { 'content-type': type }).end(body);
  });
  // As the services do it: a log in which nothing stands would say nothing of errors either.
  const ready = { level: 30, time: new Date().toISOString(), name: 'double', msg: 'ready' };
  server.listen(Number(settings.PEER_CONTROL_PORT), settings.PEER_HOST, () => console.info(JSON.stringify(ready)));
  const exit = () => process.exit(Number(process.env.DOUBLE_EXIT_CODE ?? 0));
  process.once('SIGTERM', () => void goodbye().then(exit, exit));
}

type Answer = [status: number, type: string, body: string];

async function answer(
  request: IncomingMessage,
  answers: Answers,
  counters: Counters,
  own: OwnAnswers,
): Promise<Answer> {
  if (request.url === '/healthz') return [200, 'application/json', '{"status":"ok"}'];
  if (request.url === '/metrics') return [200, 'text/plain; version=0.0.4', metricsText(counters)];
  try {
    const mine = own[request.url ?? ''];
    const said = mine ? await mine(JSON.parse((await bodyOf(request)) || '{}')) : await controlAnswer(request, answers);
    return [200, 'application/json', JSON.stringify(said)];
  } catch (thrown) {
    const error = toPeerLabError(thrown);
    return [error.kind.http, 'application/json', JSON.stringify({ error: error.toBody() })];
  }
}

async function controlAnswer(request: IncomingMessage, answers: Answers): Promise<object> {
  if (request.headers.authorization !== `Bearer ${settings.PEER_CONTROL_TOKEN}`) throw new PeerLabError('unauthorized');
  const verb = request.url?.replace('/control/', '') ?? '';
  if (!Object.hasOwn(CONTROL, verb)) throw new PeerLabError('no-such-route', { got: verb.slice(0, 80) });
  const asked = JSON.parse((await bodyOf(request)) || '{}');
  return answers[verb as ControlVerb](asked as never);
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const part of request) {
    body += part;
    if (body.length > MAX_BODY_BYTES) throw new PeerLabError('body-too-large');
  }
  return body;
}

function metricsText({ sent, received }: Counters): string {
  return [
    '# TYPE peerlab_transfer_bytes_total counter',
    `peerlab_transfer_bytes_total{direction="sent"} ${sent}`,
    `peerlab_transfer_bytes_total{direction="received"} ${received}`,
    '# TYPE peerlab_logged_in gauge',
    'peerlab_logged_in 1',
    // Whatever a scenario wants to be among them.
    process.env.DOUBLE_METRICS ?? '',
    '',
  ].join('\n');
}

/** The answer to a transfer that ended well, of `size` bytes from a peer that nobody is. */
export function success(name: string, size: number, sha256: string): TransferResult {
  const sources = [{ peer: '127.0.0.1:1', bytes: size }];
  return { outcome: 'ok', name, size, sha256, bytes: size, sources, seconds: 0.01, firstByteSeconds: 0.005 };
}
