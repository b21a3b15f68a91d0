import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { KeeperProcess } from '../../keeper/testing/keeper-process.ts';
import { buildServices } from '../artifacts.ts';
import { type DriverUnderTest, describeDriver } from '../driver.contract.ts';
import type { Driver, DriverInit } from '../driver.ts';
import { standingCapabilities } from './capabilities.ts';
import { accountOf, standingSettings } from './settings.ts';
import { createStandingDriver } from './standing-driver.ts';
import { StandingNetwork } from './testing/standing-network.ts';

const STAND_IN = [process.execPath, fileURLToPath(new URL('../stand-in.ts', import.meta.url))];
const PEERS = 4;

/** The driver, with a network of its own for each run that begins to stand before it. */
class OnNewNetwork implements Driver {
  readonly kind = 'standing';
  readonly #init: DriverInit;
  #network: StandingNetwork | undefined;
  #made: Driver | undefined;
  #ended: Promise<void> | undefined;

  constructor(init: DriverInit) {
    this.#init = init;
  }

  get #driver(): Driver {
    if (!this.#made) throw new Error('not prepared');
    return this.#made;
  }

  get tested() {
    return this.#driver.tested;
  }

  get artifacts() {
    return this.#driver.artifacts;
  }

  async prepare(report: (what: string) => void): Promise<void> {
    const { peerImage, directoryImage, ...init } = this.#init;
    const services = await buildServices(() => {});
    this.#network = await StandingNetwork.start({
      directory: directoryImage === undefined ? [process.execPath, services.directory] : STAND_IN,
      peer: peerImage === undefined ? [process.execPath, services.peer] : STAND_IN,
      peers: PEERS,
    });
    this.#made = createStandingDriver(init, standingSettings(this.#network.settings));
    await this.#made.prepare(report);
  }

  startDirectory: Driver['startDirectory'] = (spec) => this.#driver.startDirectory(spec);
  startPeer: Driver['startPeer'] = (spec) => this.#driver.startPeer(spec);
  startHost: Driver['startHost'] = (spec) => this.#driver.startHost(spec);
  restart: Driver['restart'] = (instance) => this.#driver.restart(instance);

  async end(orderly: boolean): Promise<string[]> {
    const left = await this.#driver.end(orderly);
    this.#ended ??= this.#network?.stop();
    await this.#ended;
    return left;
  }
}

const standing: DriverUnderTest = {
  create: (init) => new OnNewNetwork(init),
  capabilities: standingCapabilities({ peers: PEERS }),
  standIn: async () => 'stand-in',
  killHost: async () => {
    throw new Error('there are no hosts');
  },
  snapshot: async () => {
    const folders = readdirSync(tmpdir()).filter((name) => name.startsWith('standing-'));
    return [...folders, ...processesOf(path.join(tmpdir(), 'standing-'))];
  },
};

/** Processes, as numbers, whose share is there. */
function processesOf(share: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(`PEER_SHARE_DIR=${share}`);
    } catch {
      return false;
    }
  });
}

describeDriver('standing', standing);

const never = new AbortController().signal;

/** A driver on a network of two stand-ins, and what it needs to be one. */
async function onTwo(more: Partial<DriverInit> = {}) {
  const network = await StandingNetwork.start({ directory: STAND_IN, peer: STAND_IN, peers: 2 });
  const logsDir = mkdtempSync(path.join(tmpdir(), 'logs-'));
  onTestFinished(async () => {
    await network.stop();
    rmSync(logsDir, { recursive: true });
  });
  const driverOf = (init: Partial<DriverInit> = {}) => {
    const all = { runId: 'run-1', logsDir, signal: never, ...more, ...init };
    return createStandingDriver(all, standingSettings(network.settings));
  };
  return { network, driverOf };
}

describe('the holds of a run', () => {
  test('who is interrupted while it takes them leaves none', async () => {
    const abort = new AbortController();
    const { network, driverOf } = await onTwo();
    const made = driverOf({ signal: abort.signal });
    const [first, second] = network.keepers as [KeeperProcess, KeeperProcess];
    const holderOf = async (keeper: KeeperProcess) => (await keeper.client().ask('state', {}, never)).heldBy;
    // One gives its hold; the other, which stands still, only after the run has gone.
    const prepared = made.prepare(() => second.child.kill('SIGSTOP'));
    prepared.catch(() => {});
    await expect.poll(() => holderOf(first)).toBe('run-1');
    abort.abort();
    await expect(prepared).rejects.toMatchObject({ code: 'interrupted' });
    second.child.kill('SIGCONT');
    await expect.poll(() => holderOf(second)).toBe('run-1');
    expect(await made.end(false)).toEqual([]);
    expect(await Promise.all([first, second].map(holderOf))).toEqual([null, null]);
  });

  test('places go by the order of the plan, whoever starts first; who the plan does not have is not there during the run', async () => {
    const { network, driverOf } = await onTwo({ peers: ['a-1', 'later-1'] });
    const made = driverOf();
    await made.prepare(() => {});
    for (const url of network.controls) await expect(fetch(url)).rejects.toThrow();
    const directory = await made.startDirectory({ name: 'directory', env: {} });
    const env = { PEER_USER: 'x', PEER_PASSWORD: 'x', PEER_CONTROL_TOKEN: 'x' };
    const later = await made.startPeer({ name: 'later-1', env, directory, share: [] });
    expect(later.url).toBe(network.controls[1]);
    await expect(fetch(network.controls[0] as string)).rejects.toThrow();
    const first = await made.startPeer({ name: 'a-1', env, directory, share: [] });
    expect(first.url).toBe(network.controls[0]);
    const third = made.startPeer({ name: 'b-1', env, directory, share: [] });
    await expect(third).rejects.toMatchObject({
      code: 'not-capable',
      message: expect.stringContaining('2 peers stand'),
    });
    expect(await made.end(true)).toEqual([]);
    for (const url of network.controls)
      expect(await (await fetch(`${url}/env`)).json()).toMatchObject({ PEER_CONTROL_TOKEN: 'of-the-pod' });
  });

  test('a keeper that goes away takes its peer with it, in bounded time, and is named at the end', async () => {
    const { network, driverOf } = await onTwo();
    const made = driverOf();
    await made.prepare(() => {});
    const directory = await made.startDirectory({ name: 'directory', env: {} });
    const env = { PEER_USER: 'x', PEER_PASSWORD: 'x', PEER_CONTROL_TOKEN: 'x' };
    const peer = await made.startPeer({ name: 'a-1', env, directory, share: [] });
    // As when the machine of a pod is gone: keeper and program at once.
    network.keepers[0]?.child.kill('SIGKILL');
    for (const pid of processesOf(network.shares[0] as string)) process.kill(Number(pid), 'SIGKILL');
    expect(await peer.ended).toMatch(/^a-1 was lost: the keeper of a standing peer does not answer/);
    expect(await peer.usage()).toBeUndefined();
    expect(await made.end(true)).toEqual([expect.stringMatching(/^a-1 at http:.*does not answer/)]);
  });
});

test('the accounts of a run are none of the pods, the same in each run, and names that the directory takes', () => {
  const { user, password } = accountOf('token', 'peers-3');
  expect(accountOf('token', 'peers-3')).toEqual({ user, password });
  expect(accountOf('other', 'peers-3').user).not.toBe(user);
  expect(accountOf('token', 'peers-4').password).not.toBe(password);
  expect(user).toMatch(/^lab-[0-9a-f]{8}\.peers-3$/);
  expect(accountOf('token', 'x'.repeat(64)).user).toMatch(/^[\w.@-]{1,64}$/);
});

test.each([
  ['PEERLAB_STANDING_DIRECTORY', 'directory:5000'],
  ['PEERLAB_STANDING_DIRECTORY', 'http://directory:5000/path'],
  ['PEERLAB_STANDING_KEEPERS', 'http://a:1,,http://b:1'],
  ['PEERLAB_STANDING_KEEPERS', 'peers-{n}.peers:50053'],
  ['PEERLAB_STANDING_TOKEN', 'token\n'],
  ['PEERLAB_STANDING_TOKEN', ''],
])('%s=%j is refused by name', (name, value) => {
  const right = {
    PEERLAB_STANDING_DIRECTORY: 'http://directory:5000',
    PEERLAB_STANDING_KEEPERS: 'http://peers-{n}.peers:50053',
    PEERLAB_STANDING_TOKEN: 'token',
  };
  expect(standingSettings(right).keeperAt(12)).toBe('http://peers-12.peers:50053');
  expect(() => standingSettings({ ...right, [name]: value })).toThrow(name);
});
