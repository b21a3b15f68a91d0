import { randomBytes } from 'node:crypto';
import { PeerLabError, reasonOf } from '#proto/errors.ts';
import { PROMISES } from '#proto/promises.ts';
import { Program } from './program.ts';
import { PODS_OWN, type ProgramSignal, SETTABLE, type State } from './protocol.ts';
import type { Settings } from './settings.ts';

export interface KeeperInit {
  readonly settings: Settings;
  readonly command: readonly string[];
  /** The pod does not start the program: a lab does, or nobody. */
  readonly isIdle?: boolean;
  /** The program has ended, and nobody asked for that, or wants it back: the keeper is to end in the same way. */
  readonly over: (exitCode: number) => void;
  readonly tell: (what: string) => void;
}

/**
 * Keeps a program: with the settings of its pod, or as the lab that holds it says. A hold is a lease; when it is over, by word or by time,
 * the program runs with the pod's settings again, whatever the lab did to it. The share stays as it is.
 */
export class Keeper {
  readonly #init: KeeperInit;
  readonly #id = randomBytes(8).toString('hex');
  readonly #program: Program;
  #hold: { readonly by: string; readonly lapse: NodeJS.Timeout } | undefined;
  /** The program is not as the pod started it. */
  #altered = false;
  /** Starts and ends of holds and lives come one after another. */
  #turn: Promise<unknown> = Promise.resolve();
  #restoring = 0;
  #holds = 0;
  #closing = false;

  constructor(init: KeeperInit) {
    this.#init = init;
    this.#program = new Program({
      command: init.command,
      keeper: this.#id,
      out: process.stdout,
      err: process.stderr,
      ended: ({ exitCode }) => {
        if (!this.#hold && this.#restoring === 0 && !this.#closing) init.over(exitCode);
      },
    });
  }

  get program(): Program {
    return this.#program;
  }

  get isHeld(): boolean {
    return this.#hold !== undefined || this.#restoring > 0;
  }

  /** Starts the program as its pod wants it. */
  begin(): void {
    if (this.#init.isIdle) return;
    this.#program.start(this.#init.settings.own);
  }

  /** SIGTERM: hands it on. @returns the exit code of the program */
  async close(): Promise<number> {
    this.#closing = true;
    if (!this.#program.isRunning) return 0;
    await this.#program.stop(PROMISES.end.ms);
    return this.#program.end?.exitCode ?? 0;
  }

  state(): State {
    const { settings, command } = this.#init;
    return {
      ...{ keeper: this.#id, life: this.#program.life, ended: this.#program.end?.how ?? null, command },
      ...{ heldBy: this.#hold?.by ?? null, holds: this.#holds, leaseMs: settings.leaseMs },
      ...{ address: settings.address ?? null, controlPort: settings.controlPort },
    };
  }

  /** Takes the hold, or renews it. @throws PeerLabError `peers-held` when somebody else has it, `shutting-down` */
  async hold(by: string): Promise<State> {
    if (this.#hold?.by !== by) await this.#turn;
    if (this.#closing) throw new PeerLabError('shutting-down');
    if (this.#hold && this.#hold.by !== by) throw new PeerLabError('peers-held', { got: `a hold by ${this.#hold.by}` });
    if (!this.#hold) this.#holds++;
    clearTimeout(this.#hold?.lapse);
    const lapse = setTimeout(() => this.#lapse(by), this.#init.settings.leaseMs);
    this.#hold = { by, lapse };
    return this.state();
  }

  /** @throws PeerLabError `not-held` */
  assertHeld(by: string): void {
    if (this.#hold && this.#hold.by === by) return;
    throw new PeerLabError('not-held', {
      expected: by === '' ? 'a hold' : `a hold by ${by}`,
      got: this.#hold ? `one by ${this.#hold.by}` : 'none',
    });
  }

  /** Comes back when the program runs as the pod wants it. @throws PeerLabError `not-held` */
  async release(by: string): Promise<void> {
    this.assertHeld(by);
    await this.#giveUp();
  }

  /** @throws PeerLabError `bad-request` for a variable that is not a lab's to set, `internal` when the program runs */
  start(env: Readonly<Record<string, string>>, freshLog: boolean): number {
    const wrong = Object.keys(env).find((name) => !SETTABLE.test(name) || PODS_OWN.has(name));
    if (wrong !== undefined) {
      const expected = `names that match ${SETTABLE.source}, without ${[...PODS_OWN].join(', ')}`;
      throw new PeerLabError('bad-request', { about: 'env', expected, got: wrong });
    }
    if (freshLog) this.#program.log.clear();
    this.#altered = true;
    return this.#program.start({ ...this.#init.settings.own, ...env });
  }

  signal(signal: ProgramSignal): void {
    this.#altered = true;
    this.#program.signal(signal);
  }

  #lapse(by: string): void {
    if (this.#hold?.by !== by) return;
    this.#init.tell(`the hold by ${by} was not renewed: the program goes back to its own settings`);
    this.#giveUp().catch((error) => this.#init.tell(`the program could not be started again: ${reasonOf(error)}`));
  }

  #giveUp(): Promise<void> {
    clearTimeout(this.#hold?.lapse);
    this.#hold = undefined;
    this.#restoring++;
    const restored = this.#turn.then(() => this.#restore());
    const done = () => void this.#restoring--;
    this.#turn = restored.then(done, done);
    return restored;
  }

  async #restore(): Promise<void> {
    if (this.#program.isRunning && !this.#altered) return;
    await this.#program.stop(PROMISES.end.ms);
    this.#altered = false;
    if (!this.#closing) this.begin();
  }
}
