import http from 'node:http';
import https from 'node:https';

const ANSWER_TIMEOUT_MS = 2000;
const MAX_ANSWER_CHARS = 10_000;

/**
 * Tells a page something. No proxy, whatever the environment says, and a connection for each message: they are few.
 * @returns what the page answers
 */
export function post(page: { url: string; token: string }, path: string, message: object): Promise<string> {
  const body = JSON.stringify(message);
  const headers = {
    ...{ 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
    authorization: `Bearer ${page.token}`,
  };
  const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
  return new Promise((resolve, reject) => {
    const { request } = page.url.startsWith('https:') ? https : http;
    request(`${page.url}${path}`, { method: 'POST', agent: false, headers, signal }, (answer) => {
      let said = '';
      answer.setEncoding('utf8').on('error', reject);
      answer.on('data', (part: string) => {
        said = `${said}${part}`.slice(0, MAX_ANSWER_CHARS);
      });
      answer.on('end', () => {
        if (answer.statusCode === 200 || answer.statusCode === 204) resolve(said);
        else reject(new Error(`it answered with status ${answer.statusCode}`));
      });
    })
      .on('error', reject)
      .end(body);
  });
}
