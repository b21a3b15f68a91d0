import { generateKeyPairSync, sign } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { addressText } from '#proto/addresses.ts';
import type { LoginRequest, SharedFile } from '#proto/directory-api.ts';
import { matchesGlob } from '#proto/names.ts';
import { TICKET_HEADER } from '#proto/ticket.ts';

/** A small directory for tests: speaks proto/directory-api.ts, keeps everything in memory, and can be made to misbehave. */
export class StandInDirectory implements AsyncDisposable {
  readonly requests: string[] = [];
  readonly peers = new Map<string, LoginRequest>();
  leaseSeconds = 30;
  pageSize = 100;
  /** Status to answer every request with, instead of the right answer. */
  failWith: number | undefined;
  /** The code of the refusal of every login. */
  refuseLoginsAs: string | undefined;
  /** Answers to /loadfiles take so long, and take effect only then. */
  loadfilesDelayMs = 0;
  /** Peers of the predecessor's kind, by the name of a file that they have. */
  readonly unverified = new Map<string, { user: string; ip: string; port: number; name: string }[]>();
  /** Whether logins are answered with tickets, for closed peers. */
  givesTickets = false;
  readonly #keys = generateKeyPairSync('ed25519');
  readonly #server: Server;
  #tokens = 0;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(port = 0): Promise<StandInDirectory> {
    const server = createServer();
    const directory = new StandInDirectory(server);
    server.on('request', async (request, response) => {
      const sent = await bodyOf(request);
      if (request.url === '/loadfiles') await new Promise((resolve) => setTimeout(resolve, directory.loadfilesDelayMs));
      const { status, body } = directory.#answer(request, sent);
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    });
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    return directory;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  count(endpoint: string): number {
    return this.requests.filter((request) => request === endpoint).length;
  }

  files(user: string): SharedFile[] | undefined {
    return [...this.peers.values()].find((peer) => peer.user === user)?.files;
  }

  /** As after a restart without a memory. */
  forgetAll(): void {
    this.peers.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer(request: IncomingMessage, body: unknown): { status: number; body: unknown } {
    const url = new URL(request.url ?? '/', 'http://directory');
    this.requests.push(url.pathname);
    if (this.failWith !== undefined) return refusal(this.failWith, 'internal');
    if (url.pathname === '/login' && this.refuseLoginsAs !== undefined) return refusal(401, this.refuseLoginsAs);
    if (url.pathname === '/login') {
      const token = `token-${++this.#tokens}`;
      this.peers.set(token, body as LoginRequest);
      const tickets = this.givesTickets ? this.#ticketFor(body as LoginRequest) : {};
      return { status: 200, body: { token, leaseSeconds: this.leaseSeconds, ...tickets } };
    }
    const token = request.headers.authorization?.replace('Bearer ', '') ?? '';
    const peer = this.peers.get(token);
    if (!peer) return refusal(401, 'unauthorized');
    const at = Number(url.searchParams.get('cursor') ?? 0);
    const page = <T>(items: T[]) => ({
      items: items.slice(at, at + this.pageSize),
      ...(items.length > at + this.pageSize ? { next: String(at + this.pageSize) } : {}),
    });
    switch (url.pathname) {
      case '/heartbeat':
        return { status: 200, body: { leaseSeconds: this.leaseSeconds } };
      case '/loadfiles':
        peer.files = (body as { files: SharedFile[] }).files;
        return { status: 200, body: { files: peer.files.length } };
      case '/swarm':
        return { status: 200, body: { peers: this.#swarm(token, body as { root: string; fetching: boolean }) } };
      case '/logout':
        this.peers.delete(token);
        return { status: 200, body: {} };
      case '/index': {
        const { items, ...next } = page(
          [...this.peers.values()].map(({ user, ip, port, files }) => ({ user, ip, port, files })),
        );
        const unverified = [...this.unverified].map(([name, peers]) => ({ name, peers }));
        return { status: 200, body: { peers: items, ...(unverified.length > 0 && { unverified }), ...next } };
      }
      default: {
        const { items, ...next } = page(this.#search(url.searchParams));
        const name = url.searchParams.get('name') ?? '';
        const unverified = [...this.unverified].filter(([one]) => matchesGlob(one, name));
        const beside =
          unverified.length > 0 ? { unverified: unverified.map(([name, peers]) => ({ name, peers })) } : {};
        return { status: 200, body: { results: items, ...next, ...beside } };
      }
    }
  }

  /** Those who fetch a content, by its root and their tokens. */
  readonly swarms = new Map<string, Set<string>>();

  #swarm(token: string, { root, fetching }: { root: string; fetching: boolean }): object[] {
    const crowd = this.swarms.get(root) ?? new Set();
    this.swarms.set(root, crowd);
    if (!fetching) crowd.delete(token);
    const others = [...crowd].flatMap((one) => (one === token ? [] : (this.peers.get(one) ?? [])));
    if (fetching) crowd.add(token);
    return others.map(({ user, ip, port }) => ({ user, ip, port }));
  }

  #ticketFor({ user: sub, ip, port }: LoginRequest): { ticket: string; ticketKey: string } {
    const claims = { sub, addr: addressText({ ip, port }), exp: Math.floor(Date.now() / 1000) + 60 };
    const text = `${TICKET_HEADER}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}`;
    const ticket = `${text}.${sign(null, Buffer.from(text), this.#keys.privateKey).toString('base64url')}`;
    return { ticket, ticketKey: this.#keys.publicKey.export({ format: 'jwk' }).x as string };
  }

  #search(query: URLSearchParams) {
    const [by = 'name', wanted] =
      ['name', 'sha256', 'root'].map((key) => [key, query.get(key)]).find(([, value]) => value) ?? [];
    const found = new Map<string, SharedFile & { peers: object[] }>();
    for (const { user, ip, port, files } of this.peers.values()) {
      const isMeant = (one: SharedFile) =>
        by === 'name' ? matchesGlob(one.name, wanted ?? '') : one[by as 'sha256' | 'root'] === wanted;
      for (const file of files.filter(isMeant)) {
        const entry = found.get(file.sha256) ?? { ...file, peers: [] };
        const size = file.size === entry.size ? undefined : file.size;
        entry.peers.push({ user, ip, port, name: file.name, root: file.root, size });
        found.set(file.sha256, entry);
      }
    }
    return [...found.values()];
  }
}

function refusal(status: number, code: string) {
  return { status, body: { error: { code, message: code } } };
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return parts.length > 0 ? JSON.parse(Buffer.concat(parts).toString()) : undefined;
}
