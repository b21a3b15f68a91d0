import { type IncomingMessage, request } from 'node:http';
import type { HttpService } from '#base/http-service.ts';
import { createLogger } from '#base/logger.ts';
import type { SharedFile } from '#proto/directory-api.ts';
import { type DirectoryInit, startDirectory } from '../directory.ts';

/** Far below what a setting can ask for: most tests are not about passwords. */
const CHEAP = { memoryKiB: 8, passes: 1, parallelism: 1 };

export interface Answer {
  readonly status: number;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of any shape
  readonly json: any;
  readonly code: string | undefined;
  readonly headers: IncomingMessage['headers'];
}

export interface Ask {
  readonly method?: string;
  readonly token?: string | undefined;
  /** An object is sent as JSON, text and bytes as they are. */
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
  /** The address to come from. */
  readonly localAddress?: string;
}

/** A directory in this process, on a free port. */
export class TestDirectory implements AsyncDisposable {
  readonly clock = { nowMs: 0 };
  readonly #service: HttpService;

  private constructor(service: HttpService, clock: { nowMs: number }) {
    this.#service = service;
    this.clock = clock;
  }

  static async start(init: Partial<DirectoryInit> = {}): Promise<TestDirectory> {
    const clock = { nowMs: 0 };
    const service = await startDirectory({
      ...{ host: '127.0.0.1', port: 0, leaseMs: 30_000, passwordCost: CHEAP },
      ...{ logger: createLogger('directory', 'silent'), now: () => clock.nowMs },
      ...init,
    });
    return new TestDirectory(service, clock);
  }

  get port(): number {
    return this.#service.port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** `node:http` by itself, because `fetch` sends no GET with a body and comes from one address only. */
  ask(path: string, { method = 'GET', token, body, headers = {}, localAddress }: Ask = {}): Promise<Answer> {
    const bytes = body === undefined || typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const sent = request(
        {
          ...{ host: '127.0.0.1', port: this.port, path, method, agent: false },
          ...(localAddress && { localAddress }),
          headers: {
            ...(bytes !== undefined && { 'content-length': Buffer.byteLength(bytes as string) }),
            ...(token !== undefined && { authorization: `Bearer ${token}` }),
            ...headers,
          },
        },
        (response) => readAnswer(response).then(resolve, reject),
      );
      sent.on('error', reject).end(bytes);
    });
  }

  async login(user: string, port: number, files: readonly SharedFile[] = [], more: Ask & { ip?: string } = {}) {
    const { ip = '127.0.0.1', ...ask } = more;
    const body = { user, password: `password of ${user}`, ip, port, files };
    const answer = await this.ask('/login', { method: 'POST', body, ...ask });
    return { ...answer, token: answer.json?.token as string };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#service.close(0);
  }
}

async function readAnswer(response: IncomingMessage): Promise<Answer> {
  const parts: Buffer[] = [];
  for await (const part of response) parts.push(part as Buffer);
  const text = Buffer.concat(parts).toString();
  const json = response.headers['content-type']?.startsWith('application/json') ? JSON.parse(text) : undefined;
  return { status: response.statusCode ?? 0, text, json, code: json?.error?.code, headers: response.headers };
}
