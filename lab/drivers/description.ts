import type { ErrorCode } from '#proto/errors.ts';
import type { PreflightCheck } from '../machine/check.ts';
import type { Ground } from '../machine/facts.ts';
import type { Footprint } from '../machine/footprint.ts';
import type { Capabilities } from './capabilities.ts';
import type { Driver, DriverInit } from './driver.ts';
import type { Program } from './program.ts';
import type { Sweeper } from './sweeper.ts';

/**
 * A DRIVER DESCRIBES ITSELF: all that the command line, the doctor and the watchdog want to know of it. Each driver has one in its
 * `description.ts`, and table.ts lists them. Cheap to import: heavy packages are loaded when they are used.
 */
export interface DriverDescription {
  /** What `--driver` calls it, and results say. */
  readonly kind: string;

  /** Whether `auto` may take it; otherwise it is there only for those who ask for it. */
  readonly isAutomatic: boolean;

  /** Variables of the environment without which it can't be asked for. */
  readonly settings?: readonly string[];

  /** What has to answer before it can carry anything, if something has to. */
  readonly carrier?: Carrier;

  /** What it is on this machine, now; or a sentence that says why it can't be had. Changes nothing, never throws. */
  survey(): Promise<Surveyed | string>;

  /**
   * Looks for a program that the user wants to have tested, before anything is started: the name of an image, or a command.
   * @throws PeerLabError `no-program`, and what keeps the driver from looking
   */
  find(asked: string): Promise<Program>;

  /** A driver for one run. */
  create(init: DriverInit): Driver;

  /** For the watchdog and `gc`. */
  readonly sweeper: Sweeper;

  /** What its instances take of the machine. */
  readonly footprint: Footprint;

  /** What its instances stand on, for the doctor. Changes nothing, never throws: what can't be found out is left open. */
  examine(): Promise<Examined>;

  /**
   * Makes the images that its containers run, where it has any, and `forClusters` the lab in an image as well.
   * @throws PeerLabError `build-failed`, `no-base-image`, …
   */
  makeImages?(report: (what: string) => void, forClusters?: boolean): Promise<Made>;
}

/** Images that were made, or that were current. */
export interface Made {
  /** Of PeerLab. */
  readonly version: string;
  readonly images: {
    readonly directory: MadeImage;
    readonly peer: MadeImage;
    /** For clusters only. */
    readonly lab?: MadeImage;
    readonly faults?: MadeImage;
  };
}

/** `name` at its engine, `id` the digest of its content. */
interface MadeImage {
  readonly name: string;
  readonly id: string;
}

/** Such as an engine. */
export interface Carrier {
  /** The doctor's word for it. */
  readonly name: string;
  /** What it means when it is asked for and does not answer. */
  readonly absent: ErrorCode;
  /** How people get it: a clause without a full stop. */
  readonly help: string;
}

export interface Surveyed {
  /** For people: `Docker 20.10 at unix:///var/run/docker.sock`. */
  readonly what: string;
  readonly can: Capabilities;
}

export interface Examined {
  readonly ground: Ground;
  /** Its own checks, which know what it found. */
  readonly checks: readonly PreflightCheck[];
}
