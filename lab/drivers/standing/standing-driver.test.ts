import { readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { buildServices } from '../artifacts.ts';
import { type DriverUnderTest, describeDriver } from '../driver.contract.ts';
import type { Driver, DriverInit } from '../driver.ts';
import { standingCapabilities } from './capabilities.ts';
import { standingSettings } from './settings.ts';
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
    const processes = readdirSync('/proc').filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(`PEER_SHARE_DIR=${tmpdir()}/standing-`);
      } catch {
        return false;
      }
    });
    return [...folders, ...processes];
  },
};

describeDriver('standing', standing);
