import http from 'node:http';
import { PeerLabError, reasonOf } from '#proto/errors.ts';
import { pathOfHosted, pathOfHostVerb } from '#proto/hosted-peers.ts';
import { PROMISES } from '#proto/promises.ts';
import type { Lack } from './capabilities.ts';
import { within } from './deadline.ts';
import type { DriverInit, HostSpec, Instance, InstanceUsage, PeerSpec, StoredFile } from './driver.ts';

/** A HOSTED PEER: one of many in a process or container. It has a share, addresses, settings, figures and a control port of its own; it has no process. */

/** All peers of a host are asked for their usage at about the same time: one look at the host serves them all. */
const USAGE_HOLDS_MS = 500;
/** A start looks at the share first. */
const START_TIMEOUT_MS = 30_000;

const MIB = 1024 * 1024;

/** What a container of a host may use; docs/doctor.md has what it does. */
export function hostMemoryBytes({ peers }: HostSpec): number {
  return 512 * MIB + peers.length * 8 * MIB;
}

/** The first gRPC port of hosted peers in a container, far below those of outgoing connections. */
export const HOSTED_PORT = 20_000;

/** What a peer can't have while it shares a process, whatever carries that. */
export const HOSTED_CAN: ReadonlySet<string> = new Set(['stop']);

export function hostedLack(what: string): Lack | undefined {
  if (HOSTED_CAN.has(what)) return undefined;
  return {
    why: 'a hosted peer shares its process with others',
    help: 'one peer per instance (leave out peersPerInstance), for fewer peers',
  };
}

/** @throws PeerLabError `not-capable` for what a hosted peer can't have */
export function refuseInHost({ peers }: HostSpec, { peerImage }: Pick<DriverInit, 'peerImage'>): void {
  for (const { name, image, memoryBytes, cpus } of peers) {
    const asked = { 'own-peer': image ?? peerImage, 'memory-limit': memoryBytes, 'cpu-limit': cpus };
    for (const [what, value] of Object.entries(asked)) {
      const lack = value === undefined ? undefined : hostedLack(what);
      if (lack) throw new PeerLabError('not-capable', { about: `${name}, ${what}`, got: `${lack.why}; ${lack.help}` });
    }
  }
}

/** The process or container, as its driver started it. */
export interface Host {
  readonly name: string;
  readonly url: string;
  readonly ended: Promise<string>;
  usage(): Promise<InstanceUsage | undefined>;
}

/** Usage of a host by equal parts. */
export class SharedUsage {
  readonly #host: Host;
  readonly #peers: number;
  #askedAt = Number.NEGATIVE_INFINITY;
  #asked: Promise<InstanceUsage | undefined> = Promise.resolve(undefined);

  constructor(host: Host, peers: number) {
    this.#host = host;
    this.#peers = peers;
  }

  async perPeer(): Promise<InstanceUsage | undefined> {
    const now = performance.now();
    if (now - this.#askedAt > USAGE_HOLDS_MS) {
      this.#askedAt = now;
      this.#asked = this.#host.usage();
    }
    const usage = await this.#asked;
    return (
      usage && { cpuSeconds: usage.cpuSeconds / this.#peers, memoryBytes: Math.round(usage.memoryBytes / this.#peers) }
    );
  }
}

export interface HostedPeerInit {
  readonly spec: PeerSpec;
  readonly host: Host;
  readonly usage: SharedUsage;
  readonly address: string;
  readonly storedFiles: () => AsyncIterable<StoredFile>;
}

export class HostedPeer implements Instance {
  readonly role = 'peer';
  readonly name: string;
  readonly url: string;
  readonly address: string;
  readonly host: string;
  readonly ended: Promise<string>;
  readonly #init: HostedPeerInit;
  #hasEnded = false;
  #end: (how: string) => void = () => {};

  constructor(init: HostedPeerInit) {
    const { spec, host, address } = init;
    this.#init = init;
    this.name = spec.name;
    this.url = `${host.url}${pathOfHosted(spec.name)}`;
    this.address = address;
    this.host = host.name;
    this.ended = new Promise((resolve) => {
      this.#end = (how) => {
        this.#hasEnded = true;
        resolve(how);
      };
    });
    void host.ended.then((how) => this.#end(`${spec.name} ended with its host: ${how}`));
  }

  storedFiles(): AsyncIterable<StoredFile> {
    return this.#init.storedFiles();
  }

  async usage(): Promise<InstanceUsage | undefined> {
    return this.#hasEnded ? undefined : this.#init.usage.perPeer();
  }

  async stop(graceMs = PROMISES.end.ms): Promise<void> {
    if (this.#hasEnded) return;
    await this.#tellHost('stop', graceMs);
    this.#end(`${this.name} was stopped, and its host ${this.host} goes on`);
  }

  kill(): Promise<void> {
    return this.#refuse('kill');
  }

  pause(): Promise<void> {
    return this.#refuse('freeze');
  }

  resume(): Promise<void> {
    return this.#refuse('freeze');
  }

  /** Its next life. @throws PeerLabError `internal` when it has not ended; `instance-exited` when its host has */
  async again(): Promise<HostedPeer> {
    if (!this.#hasEnded) throw new PeerLabError('internal', { about: this.name, expected: 'its end before a restart' });
    const { host } = this.#init;
    const gone = await Promise.race([host.ended, Promise.resolve(undefined)]);
    if (gone !== undefined) throw new PeerLabError('instance-exited', { about: this.name, got: gone });
    await this.#tellHost('start', START_TIMEOUT_MS);
    return new HostedPeer(this.#init);
  }

  async #refuse(what: string): Promise<never> {
    const { why, help } = hostedLack(what) as Lack;
    throw new PeerLabError('not-capable', { about: `${this.name}, ${what}`, got: `${why}; ${help}` });
  }

  async #tellHost(verb: 'stop' | 'start', timeoutMs: number): Promise<void> {
    const { spec, host } = this.#init;
    const late = () =>
      new PeerLabError('no-answer', {
        about: host.name,
        expected: `"${verb} ${this.name}" done within ${timeoutMs} ms`,
      });
    const told = post(`${host.url}${pathOfHostVerb(verb, this.name)}`, spec.env.PEER_CONTROL_TOKEN ?? '', timeoutMs);
    // When the host ends meanwhile, so has the peer.
    const status = await within(Promise.race([told, host.ended.then(() => 200)]), timeoutMs, late);
    if (status !== 200) {
      throw new PeerLabError('bad-answer', { about: `${host.name}: ${verb} ${this.name}`, got: `status ${status}` });
    }
  }
}

function post(url: string, token: string, timeoutMs: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}`, connection: 'close' };
    const request = http.request(url, { method: 'POST', headers, agent: false, timeout: timeoutMs }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode ?? 0));
      response.on('error', reject);
    });
    request.on('timeout', () => request.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    request.on('error', (cause) => reject(new PeerLabError('no-answer', { about: url, got: reasonOf(cause), cause })));
    request.end();
  });
}
