import http from 'node:http';

/** A peer that answers, and nothing more: chapter 0 of the course. Node.js 24, no packages. */

const { PEER_HOST, PEER_CONTROL_PORT, PEER_CONTROL_TOKEN } = process.env;

/** What the lab may ask for, by name: functions that take the fields of the request, and resolve to the answer. */
const verbs = new Map<string, (asked: never) => Promise<object>>();

const control = http.createServer(async (request, response) => {
  const answer = (status: number, told: object) => response.writeHead(status).end(JSON.stringify(told));
  const refuse = (status: number, code: string, message: string) => answer(status, { error: { code, message } });
  if (request.url === '/healthz') return answer(200, {});
  let asked = '';
  for await (const part of request) asked += part;
  if (request.headers.authorization !== `Bearer ${PEER_CONTROL_TOKEN}`)
    return refuse(401, 'unauthorized', 'the token is missing or wrong');
  const verb = verbs.get(request.url?.replace('/control/', '') ?? '');
  if (!verb) return refuse(404, 'no-such-route', `this peer has no ${request.url} yet`);
  try {
    answer(200, await verb(JSON.parse(asked || '{}') as never));
  } catch (error) {
    refuse(500, 'internal', String(error));
  }
});

control.listen(Number(PEER_CONTROL_PORT), PEER_HOST, () => {
  process.stdout.write(`${JSON.stringify({ level: 30, msg: 'it answers' })}\n`);
});
process.on('SIGTERM', () => process.exit(0));
