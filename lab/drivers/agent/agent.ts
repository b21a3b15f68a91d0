import { spawn } from 'node:child_process';
import { createHash, timingSafeEqual } from 'node:crypto';
import { createSocket, type Socket as DatagramSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { dial, type Target } from '../../machine/dial.ts';
import { freeBytesOf, keepFull } from '../../machine/full-disk.ts';
import { LOSING_PORT, MEASURING_PORT, type Question, type Questions, REACHING_PORT } from './protocol.ts';

/**
 * THE AGENT: runs in containers beside an instance, and does what can't be done from outside of them. It stands on Node alone.
 *
 *   agent.ts ask '<question>'   answers one question (protocol.ts) in JSON on stdout
 *   agent.ts witness            is who the others measure against: until it is ended
 *   agent.ts serve              answers questions at PEERLAB_AGENT_PORT to who has PEERLAB_AGENT_TOKEN; a witness does so too, where these are set
 *   agent.ts fill <folder>      takes all that is free on the disk of a folder: until it is ended
 */

type Answers = { [Q in keyof Questions]: (asked: Questions[Q]['asked']) => Promise<Questions[Q]['answer']> };

const INTERFACE = 'eth0';
/** What arrives is redirected to it while its rate is limited; it counts what passes the limit. */
const INCOMING_INTERFACE = 'ifb0';
/** Where packets are lost, one handshake may be. */
const CONNECTS = 3;
/**
 * Datagrams that are under way at one time: fewer than Node reads at once, and by far fewer than the receiver's buffer holds, so that
 * nothing is lost but by the fault.
 */
const DATAGRAMS_AT_ONCE = 25;
const RECEIVE_BUFFER_BYTES = 1024 * 1024;
const DATAGRAM_BYTES = 32;
/** After the last datagram: on one machine each is there in microseconds, unless it is limited or delayed. */
const LAST_DATAGRAM_MS = 300;
const WARM_UP_MS = 200;
const HOLD_EVERY_MS = 50;
const HEAD = 'HEAD / HTTP/1.1\r\nHost: witness\r\n\r\n';
const ASK_TIMEOUT_MS = 10_000;
const MAX_QUESTION = 1024 * 1024;
const CHUNK = Buffer.alloc(64 * 1024);
const answers: Answers = {
  async run({ commands }) {
    for (const { argv, input, mayFail } of commands) {
      const failure = await run(argv, input);
      if (failure !== undefined && !mayFail) throw new Error(`${argv.join(' ')}: ${failure}`);
    }
    return {};
  },
  async dial({ targets, timeoutMs }) {
    const best = async (target: Target) => {
      const came = await Promise.all(Array.from({ length: CONNECTS }, () => dial(target, timeoutMs)));
      return (['connected', 'refused'] as const).find((one) => came.includes(one)) ?? 'nothing';
    };
    return { dialled: await Promise.all(targets.map(best)) };
  },
  async loss({ witness, packets }) {
    const socket = createSocket({ type: 'udp4', recvBufferSize: RECEIVE_BUFFER_BYTES });
    try {
      return await measureLoss(socket, witness, packets);
    } finally {
      socket.close();
    }
  },
  async rate({ witness, direction, bytes, withinMs }) {
    const passed = counterOf(direction);
    const start = () => ({ passed: passed(), at: performance.now() });
    let from = start();
    // What may pass at once has passed by then; without a limit all is over before.
    const warm = setTimeout(() => {
      from = start();
    }, WARM_UP_MS);
    await (direction === 'up' ? sendTo(witness, bytes, withinMs) : receiveFrom(witness, bytes, withinMs));
    clearTimeout(warm);
    const to = start();
    return { bytesPerSecond: ((to.passed - from.passed) * 1000) / (to.at - from.at) };
  },
  async roundTrip({ witness, samples }) {
    const times: number[] = [];
    const socket = net.connect(MEASURING_PORT, witness).setNoDelay();
    socket.setTimeout(ASK_TIMEOUT_MS, () => socket.destroy(new Error('the witness is silent')));
    const replies = socket[Symbol.asyncIterator]();
    for (let n = 0; n <= samples; n++) {
      const began = performance.now();
      socket.write(HEAD);
      if ((await replies.next()).done) throw new Error('the witness hung up');
      // The first one includes the handshake.
      if (n > 0) times.push(performance.now() - began);
    }
    socket.destroy();
    times.sort((a, b) => a - b);
    return { ms: times[Math.floor(times.length / 2)] ?? 0 };
  },
  async hold({ witness, forMs }) {
    const began = performance.now();
    let heardAt = began;
    const socket = net.connect(MEASURING_PORT, witness).setNoDelay();
    const ended = new Promise<void>((resolve) => socket.on('error', () => resolve()).on('close', () => resolve()));
    socket.on('data', () => {
      heardAt = performance.now();
    });
    while (performance.now() - began < forMs && !socket.destroyed) {
      socket.write(HEAD);
      await Promise.race([ended, sleep(HOLD_EVERY_MS)]);
    }
    socket.destroy();
    return { answeredMs: heardAt - began };
  },
  async mtu() {
    return { mtuBytes: Number(readFileSync(`/sys/class/net/${INTERFACE}/mtu`, 'utf8')) };
  },
  async free({ folder }) {
    return { freeBytes: await freeBytesOf(folder) };
  },
};

/** @returns why it failed */
function run([program = '', ...args]: readonly string[], input = ''): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: ['pipe', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.on('data', (part) => {
      said += part;
    });
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code) => resolve(code === 0 ? undefined : said.trim() || `exit code ${code}`));
    child.stdin.on('error', () => {}).end(input);
  });
}

/** Content bytes that passed the instance's interface, whoever they were from. */
function counterOf(direction: 'up' | 'down'): () => number {
  const figures = (name: string) =>
    readFileSync('/proc/self/net/dev', 'utf8')
      .split('\n')
      .find((line) => line.trim().startsWith(`${name}:`))
      ?.split(':')[1]
      ?.trim()
      .split(/\s+/)
      .map(Number);
  if (direction === 'up') return () => figures(INTERFACE)?.[8] ?? 0;
  return () => (figures(INCOMING_INTERFACE) ?? figures(INTERFACE))?.[0] ?? 0;
}

function sendTo(witness: string, bytes: number, withinMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = http.request({ host: witness, port: MEASURING_PORT, method: 'POST', agent: false });
    const timer = setTimeout(() => done(), withinMs);
    const done = (error?: Error) => {
      clearTimeout(timer);
      request.destroy();
      if (error) reject(error);
      else resolve();
    };
    request.on('error', done);
    request.on('response', () => done());
    pour(request, bytes);
  });
}

function receiveFrom(witness: string, bytes: number, withinMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = http.get({ host: witness, port: MEASURING_PORT, path: `/pour?bytes=${bytes}`, agent: false });
    const timer = setTimeout(() => done(), withinMs);
    const done = (error?: Error) => {
      clearTimeout(timer);
      request.destroy();
      if (error) reject(error);
      else resolve();
    };
    request.on('error', done);
    request.on('response', (response) =>
      response
        .on('error', done)
        .on('end', () => done())
        .resume(),
    );
  });
}

/** Writes a number of bytes, no faster than they are taken. */
function pour(stream: NodeJS.WritableStream, bytes: number): void {
  let left = bytes;
  const go = () => {
    while (left > 0) {
      const piece = left < CHUNK.length ? CHUNK.subarray(0, left) : CHUNK;
      left -= piece.length;
      if (!stream.write(piece)) return void stream.once('drain', go);
    }
    stream.end();
  };
  stream.on('error', () => {});
  go();
}

async function measureLoss(socket: DatagramSocket, witness: string, packets: number) {
  let received = 0;
  socket.on('message', () => {
    received++;
  });
  await new Promise<void>((resolve) => socket.bind(0, resolve));
  const { port } = socket.address();
  const datagram = Buffer.alloc(DATAGRAM_BYTES);
  for (let sent = 0; sent < packets; sent += DATAGRAMS_AT_ONCE) {
    const count = Math.min(DATAGRAMS_AT_ONCE, packets - sent);
    for (let n = 0; n < count; n++) socket.send(datagram, LOSING_PORT, witness);
    // The answer comes when the witness has sent as many: neither side runs ahead of the other's buffer.
    await ask(witness, `/datagrams?port=${port}&count=${count}`);
  }
  await sleep(LAST_DATAGRAM_MS);
  const arrived = Number(await ask(witness, `/arrived?port=${port}`));
  return { up: 1 - arrived / packets, down: 1 - received / packets };
}

function ask(witness: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = http.get({ host: witness, port: MEASURING_PORT, path, timeout: ASK_TIMEOUT_MS, agent: keptAlive });
    request.on('timeout', () => request.destroy(new Error('the witness is silent')));
    request.on('error', reject);
    request.on('response', (response) => {
      let text = '';
      response.on('data', (part) => {
        text += part;
      });
      response.on('error', reject).on('end', () => resolve(text));
    });
  });
}

const keptAlive = new http.Agent({ keepAlive: true, maxSockets: 1 });

function serveAsWitness(): void {
  /** Datagrams that arrived, by who sent them. */
  const arrived = new Map<string, number>();
  const datagrams = createSocket({ type: 'udp4', recvBufferSize: RECEIVE_BUFFER_BYTES });
  datagrams.on('message', (_, { address, port }) => {
    arrived.set(`${address}:${port}`, (arrived.get(`${address}:${port}`) ?? 0) + 1);
  });
  datagrams.bind(LOSING_PORT);
  net.createServer((socket) => socket.on('error', () => {}).destroy()).listen(REACHING_PORT);
  const server = http.createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://witness');
    const from = request.socket.remoteAddress?.replace('::ffff:', '') ?? '';
    const port = Number(searchParams.get('port'));
    response.on('error', () => {});
    request.on('error', () => {});
    if (pathname === '/pour') return pour(response, Number(searchParams.get('bytes')));
    if (pathname === '/arrived') {
      const count = arrived.get(`${from}:${port}`) ?? 0;
      arrived.delete(`${from}:${port}`);
      return void response.end(String(count));
    }
    if (pathname === '/datagrams') {
      const datagram = Buffer.alloc(DATAGRAM_BYTES);
      const count = Math.min(DATAGRAMS_AT_ONCE, Number(searchParams.get('count')));
      for (let n = 0; n < count; n++) await new Promise((sent) => datagrams.send(datagram, port, from, sent));
      return void response.end();
    }
    request.resume().on('end', () => response.end());
  });
  server.keepAliveTimeout = ASK_TIMEOUT_MS;
  server.listen(MEASURING_PORT);
}

/** Where programs are not run in this container: questions as bodies of POST, with the token. */
function serveQuestions(port: number, token: string): void {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  const expected = digest(`Bearer ${token}`);
  const server = http.createServer(async (request, response) => {
    response.on('error', () => {});
    try {
      if (!timingSafeEqual(digest(request.headers.authorization ?? ''), expected)) {
        response.writeHead(401).end();
        return void request.resume();
      }
      let question = '';
      for await (const part of request.setEncoding('utf8')) {
        question += part;
        if (question.length > MAX_QUESTION) throw new Error('too long a question');
      }
      response.end(await answerTo(question));
    } catch {
      response.destroy();
    }
  });
  server.listen(port);
}

async function answerTo(text: string): Promise<string> {
  try {
    const question = JSON.parse(text) as Question;
    // The union pairs each question with what is asked; the type checker can't follow that here.
    return JSON.stringify(await answers[question.do](question as never));
  } catch (error) {
    return JSON.stringify({ failed: error instanceof Error ? error.message : String(error) });
  }
}

async function main([how, what = '']: readonly string[]): Promise<void> {
  if (how === 'fill') return keepFull(what);
  const { PEERLAB_AGENT_PORT: port, PEERLAB_AGENT_TOKEN: token } = process.env;
  if (how !== 'ask' && port && token) serveQuestions(Number(port), token);
  if (how === 'witness') return serveAsWitness();
  if (how === 'serve') return;
  process.stdout.write(await answerTo(what));
  keptAlive.destroy();
}

await main(process.argv.slice(2));
