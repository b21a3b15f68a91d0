import { PeerLabError } from '#proto/errors.ts';
import { PROMISES } from '#proto/promises.ts';
import type { Calls } from '../../keeper/protocol.ts';
import { within } from '../deadline.ts';
import type { Instance, InstanceDisk, InstanceMachine, InstanceNetwork, InstanceUsage, StoredFile } from '../driver.ts';
import type { Place } from './place.ts';

/** After SIGKILL; the keeper also looks for what the program left behind. */
const KILL_TIMEOUT_MS = 10_000;

export interface KeptInstanceInit {
  readonly name: string;
  readonly role: Instance['role'];
  /** As the lab reaches it, and as other instances do. */
  readonly url: string;
  readonly address: string;
  readonly place: Place;
  readonly life: number;
  /** What the program was started with: the same gives it another life. */
  readonly env: Readonly<Record<string, string>>;
  /** Fires when the run is over. */
  readonly signal: AbortSignal;
  /** It did not end within its grace, and is about to be killed. */
  readonly onKill: (graceMs: number) => void;
  /** Resolves when the machine below it has ended, its keeper with it: with how, as in `ended by SIGKILL`. */
  readonly machineEnded?: Promise<string>;
  /** The share lies on a disk of its own. */
  readonly hasDisk?: boolean;
  /** What lies around a life, where it can be disturbed. */
  readonly networkOf?: (instance: KeptInstance) => InstanceNetwork;
  /** The machine below it, where that can be taken away. */
  readonly machine?: InstanceMachine;
}

/** One life of the program at a place. */
export class KeptInstance implements Instance {
  readonly name: string;
  readonly role: Instance['role'];
  readonly url: string;
  readonly address: string;
  readonly ended: Promise<string>;
  readonly init: KeptInstanceInit;
  readonly network?: InstanceNetwork;
  readonly disk?: InstanceDisk;
  readonly machine?: InstanceMachine;
  readonly #gone = new AbortController();

  constructor(init: KeptInstanceInit) {
    const { name, place, life, signal, machineEnded } = init;
    this.init = init;
    this.name = name;
    this.role = init.role;
    this.url = init.url;
    this.address = init.address;
    this.ended = Promise.race([place.ended(life, signal), ...(machineEnded ? [machineEnded] : [])])
      .catch(() => 'was given back at the end of the run')
      .then((how) => {
        this.#gone.abort();
        return `${name} ${how}`;
      });
    if (init.machine) this.machine = init.machine;
    if (init.hasDisk) this.disk = new KeptDisk(this);
    if (init.networkOf) this.network = init.networkOf(this);
  }

  /** Fires when the instance has ended. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  storedFiles(): AsyncIterable<StoredFile> {
    return this.init.place.client.list(this.init.signal);
  }

  async usage(): Promise<InstanceUsage | undefined> {
    if (this.gone.aborted) return undefined;
    const { usage } = await this.ask('usage', {}).catch(() => ({ usage: null }));
    return usage ?? undefined;
  }

  async stop(graceMs = PROMISES.end.ms): Promise<void> {
    if (this.gone.aborted) return;
    await this.ask('signal', { signal: 'TERM' });
    const inOrder = within(this.ended, graceMs, () => new Error('late'));
    await inOrder.catch(() => {
      this.init.onKill(graceMs);
      return this.kill();
    });
  }

  async kill(): Promise<void> {
    if (this.gone.aborted) return;
    await this.ask('signal', { signal: 'KILL' });
    const expected = `its end within ${KILL_TIMEOUT_MS} ms of SIGKILL`;
    await within(this.ended, KILL_TIMEOUT_MS, () => new PeerLabError('no-answer', { about: this.name, expected }));
  }

  async pause(): Promise<void> {
    await this.ask('signal', { signal: 'STOP' });
  }

  async resume(): Promise<void> {
    await this.ask('signal', { signal: 'CONT' });
  }

  ask<R extends keyof Calls>(route: R, asked: Calls[R]['asked']): Promise<Calls[R]['answer']> {
    return this.init.place.client.ask(route, asked, this.init.signal);
  }
}

/** A share's disk with an end, which its keeper fills. */
class KeptDisk implements InstanceDisk {
  readonly #instance: KeptInstance;

  constructor(instance: KeptInstance) {
    this.#instance = instance;
  }

  async fill(): Promise<void> {
    await this.#instance.ask('fill', { full: true });
  }

  async release(): Promise<void> {
    await this.#instance.ask('fill', { full: false });
  }

  async freeBytes(): Promise<number> {
    return (await this.#instance.ask('free', {})).freeBytes;
  }
}
