import { once } from 'node:events';
import http, { type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { PeerLabError, reasonOf } from '#proto/errors.ts';

/** Hands a question to the agent in a pod. @throws PeerLabError `agent-failed` when no answer comes */
export async function askAgent(
  url: string,
  token: string,
  question: string,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<{ out: string; err: string }> {
  const headers = { authorization: `Bearer ${token}`, 'content-length': Buffer.byteLength(question) };
  const patience = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  try {
    const request = http.request(`${url}/`, { method: 'POST', headers, agent: false, signal: patience });
    request.end(question);
    const [answer] = (await once(request, 'response')) as [IncomingMessage];
    const out = await text(answer);
    return answer.statusCode === 200 ? { out, err: '' } : { out: '', err: `status ${answer.statusCode}` };
  } catch (error) {
    const got = patience.aborted && !signal.aborted ? `nothing within ${timeoutMs} ms` : reasonOf(error);
    throw new PeerLabError('agent-failed', { about: 'an agent', got, cause: error });
  }
}
