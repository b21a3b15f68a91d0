import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import type { Instance } from '../drivers/driver.ts';
import type { FaultRecord } from '../history/events.ts';
import { Injector } from './injector.ts';
import { probe } from './probe.ts';

/** An instance that is nothing but its health endpoint, and does as it is told, or not. */
class Patient {
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #frozen = false;
  #port = 0;
  /** What it ignores, as a driver would that did not do its work. */
  readonly deaf: ReadonlySet<string>;

  constructor(...deaf: string[]) {
    this.deaf = new Set(deaf);
  }

  async live(): Promise<this> {
    this.#server = createServer((_request, response) => {
      if (!this.#frozen) response.end('{}');
    });
    this.#server.on('connection', (socket) => this.#sockets.add(socket));
    await new Promise<void>((resolve) => this.#server?.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (this.#server.address() as AddressInfo).port;
    return this;
  }

  async die(): Promise<void> {
    this.#server?.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  isThere = true;
  inService = true;

  get instance(): Instance {
    const does = (what: string, work: () => Promise<void>) => async () => {
      if (!this.deaf.has(what)) await work();
    };
    const freeze = (frozen: boolean) => async () => {
      this.#frozen = frozen;
    };
    return {
      url: `http://127.0.0.1:${this.#port}`,
      kill: does('kill', () => this.die()),
      stop: does('stop', () => this.die()),
      pause: does('pause', freeze(true)),
      resume: does('resume', freeze(false)),
      machine: {
        isThere: async () => this.isThere,
        evict: does('evict', async () => {
          await this.die();
          if (!this.deaf.has('leave')) this.isThere = false;
        }),
        node: {
          isInService: async () => this.inService,
          drain: does('drain', async () => {
            await this.die();
            this.isThere = false;
            this.inService = this.deaf.has('cordon');
          }),
          giveBack: does('give back', async () => {
            this.inService = true;
          }),
        },
      },
    } as unknown as Instance;
  }
}

const patients: Patient[] = [];
afterEach(async () => {
  for (const patient of patients.splice(0)) await patient.die();
});

async function setup(...deaf: string[]) {
  const patient = await new Patient(...deaf).live();
  patients.push(patient);
  const records: FaultRecord[] = [];
  const injector = new Injector({
    answerMs: 3000,
    driver: { restart: async () => (await patient.live()).instance },
    now: () => performance.now() / 1000,
    tell: async (event) => {
      if (event.kind === 'fault-ended') records.push(event.record);
    },
    running: () => [patient.instance],
    isIn: () => true,
  });
  const begin = (kind: 'kill' | 'stop' | 'evict' | 'drain' | 'freeze', seconds?: number) =>
    injector.begin(
      { fault: { kind }, who: 'p-1', step: '1', ...(seconds !== undefined && { seconds }) },
      patient.instance,
    );
  const seen = () => records.map(({ proofs }) => proofs.map(({ when, seen, ok }) => `${when} ${seen} ${ok}`));
  return { patient, injector, records, begin, seen, end: () => injector.end('p-1', () => true) };
}

test('a probe tells an answer, a closed port and silence apart', async () => {
  const { patient } = await setup();
  const { url, pause, kill } = patient.instance;
  expect(await probe(url, 2000)).toBe('answers');
  await pause();
  expect(await probe(url, 100)).toBe('silent');
  await kill();
  expect(await probe(url, 2000)).toBe('refuses');
});

describe('a fault', () => {
  test('that is done and undone is proved at each point, and timed', async () => {
    const it = await setup();
    await it.begin('kill');
    expect(it.records).toEqual([]);
    expect(await it.end()).toMatchObject([{ kind: 'kill' }]);
    const proofs = ['before answers true', 'during refuses true', 'during refuses true', 'after answers true'];
    expect(it.seen()).toEqual([proofs]);
    expect(it.records[0]?.recoverySeconds).toBeGreaterThanOrEqual(0);
    expect(await it.end()).toEqual([]);
  });

  test('leaves as much time as it was asked for, proofs included', async () => {
    const it = await setup();
    const leftMs = await it.begin('freeze', 2);
    expect(leftMs).toBeGreaterThan(500);
    expect(leftMs).toBeLessThan(1000);
    await it.end();
    expect(it.seen()[0]?.[1]).toBe('during silent true');
  });

  test('that did not take is seen', async () => {
    const freeze = await setup('pause');
    await freeze.begin('freeze');
    await freeze.injector.close();
    expect(freeze.seen()).toEqual([['before answers true', 'during answers false']]);
    const kill = await setup('kill');
    await kill.begin('kill');
    await kill.injector.close();
    expect(kill.seen()).toEqual([['before answers true', 'during answers false']]);
  });

  test('that did not go away is seen', async () => {
    const it = await setup('resume');
    await it.begin('freeze');
    await it.end();
    expect(it.seen()[0]?.at(-1)).toBe('after silent false');
    expect(it.records[0]).not.toHaveProperty('recoverySeconds');
  });

  test('that takes the machine away is proved when both are gone, and nothing brings them back', async () => {
    const told = (port: string, machine: string, ok: boolean, when: string) =>
      `${when} the control port ${port}, its machine is ${machine} ${ok}`;
    const before = told('answers', 'there', true, 'before');
    const gone = await setup();
    await gone.begin('evict');
    await gone.injector.close();
    expect(gone.seen()).toEqual([[before, told('refuses', 'gone', true, 'during')]]);
    expect(gone.records[0]).not.toHaveProperty('until');
    const nothing = await setup('evict');
    await nothing.begin('evict');
    await nothing.injector.close();
    expect(nothing.seen()).toEqual([[before, told('answers', 'there', false, 'during')]]);
    const half = await setup('leave');
    await half.begin('evict');
    await half.injector.close();
    expect(half.seen()).toEqual([[before, told('refuses', 'there', false, 'during')]]);
  }, 20_000);

  test('that drains a node is proved by the node too, and only the node comes back', async () => {
    const told = (when: string, port: string, machine: string, node: string, ok = true) =>
      `${when} the control port ${port}, its machine is ${machine}, the node is ${node} ${ok}`;
    const before = told('before', 'answers', 'there', 'in service');
    const during = told('during', 'refuses', 'gone', 'out of service');
    const it = await setup();
    await it.begin('drain', 1);
    await it.end();
    expect(it.seen()).toEqual([[before, during, during, told('after', 'refuses', 'gone', 'in service')]]);
    expect(it.records[0]?.recoverySeconds).toBeGreaterThanOrEqual(0);
    const half = await setup('cordon');
    await half.begin('drain');
    await half.injector.close();
    expect(half.seen()).toEqual([[before, told('during', 'refuses', 'gone', 'in service', false)]]);
    const kept = await setup('give back');
    await kept.begin('drain', 1);
    await kept.end();
    expect(kept.seen()[0]?.at(-1)).toBe(told('after', 'refuses', 'gone', 'out of service', false));
  }, 60_000);

  test('on an instance that is not there has no proof', async () => {
    const it = await setup();
    await it.injector.begin({ fault: { kind: 'kill' }, who: 'p-1', step: '1' }, undefined);
    expect(it.records).toEqual([expect.objectContaining({ kind: 'kill', proofs: [] })]);
  });

  test('that another one overtakes is over with it', async () => {
    const it = await setup();
    await it.begin('freeze');
    await it.begin('kill');
    expect(it.records).toEqual([expect.objectContaining({ kind: 'freeze', overtakenBy: 'kill' })]);
    expect(await it.injector.end('p-1', (kind) => kind === 'freeze')).toEqual([]);
    await it.end();
    expect(it.seen()[1]?.[0]).toBe('before silent true');
  });
});
