import { parseAddress } from '#proto/addresses.ts';
import {
  DIRECTORY,
  type Endpoint,
  type EndpointName,
  type IndexResponse,
  type LoginResponse,
  queryText,
  type SearchResponse,
  type SharedFile,
} from '#proto/directory-api.ts';
import { isErrorCode, PeerLabError } from '#proto/errors.ts';
import { heartbeatMs } from '#proto/lease.ts';
import { settings } from './double.ts';

const TIMEOUT_MS = 10_000;
const PAGE_LIMIT = 1000;

/** A registration at the directory, as the contract asks for it and no more: a page of answers is enough for a double. */
export class DirectoryLink {
  #token = '';
  /** To be shown to other peers; undefined when the directory gives none. */
  ticket: string | undefined;
  #renewal: NodeJS.Timeout | undefined;

  async login(files: readonly SharedFile[]): Promise<LoginResponse> {
    const address = parseAddress(settings.PEER_ADVERTISE);
    if (!address) throw new PeerLabError('bad-setting', { about: 'PEER_ADVERTISE' });
    const { PEER_USER: user, PEER_PASSWORD: password } = settings;
    const answer = await this.#ask<LoginResponse>('login', { user, password, ...address, files: told(files) });
    this.#token = answer.token;
    this.ticket = answer.ticket;
    clearInterval(this.#renewal);
    const renew = async () => {
      const { ticket } = await this.#ask<{ ticket?: string }>('heartbeat', {});
      this.ticket = ticket ?? this.ticket;
    };
    this.#renewal = setInterval(() => void renew().catch(() => {}), heartbeatMs(answer.leaseSeconds));
    return answer;
  }

  index(): Promise<IndexResponse> {
    return this.#ask('index', { limit: PAGE_LIMIT });
  }

  search(by: { name: string } | { sha256: string }): Promise<SearchResponse> {
    return this.#ask('search', { ...by, limit: PAGE_LIMIT });
  }

  async publish(files: readonly SharedFile[]): Promise<void> {
    await this.#ask('loadfiles', { files: told(files) });
  }

  async logout(): Promise<void> {
    clearInterval(this.#renewal);
    await this.#ask('logout', {});
  }

  async #ask<T>(name: EndpointName, asked: object): Promise<T> {
    const { path, methods }: Endpoint = DIRECTORY[name];
    const isGet = methods[0] === 'GET';
    const query = isGet ? `?${queryText(asked)}` : '';
    const answer = await fetch(settings.PEER_DIRECTORY_URL + path + query, {
      ...(!isGet && { body: JSON.stringify(asked) }),
      method: methods[0] as string,
      headers: { authorization: `Bearer ${this.#token}`, 'content-type': 'application/json' },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const told = (await answer.json()) as T & { error?: { code: string; message: string } };
    if (answer.ok) return told;
    const code = told.error?.code ?? 'internal';
    throw new PeerLabError(isErrorCode(code) ? code : 'internal', { got: told.error?.message ?? `${answer.status}` });
  }
}

/** What the directory is to know of each. */
function told(files: readonly SharedFile[]): SharedFile[] {
  return files.map(({ name, size, sha256, root }) => ({ name, size, sha256, ...(root !== undefined && { root }) }));
}
