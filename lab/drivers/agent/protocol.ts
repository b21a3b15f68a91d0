import type { Dialled, Target } from '../../machine/dial.ts';

/** WHAT THE AGENT IS ASKED, AND ANSWERS: types only. */

/** A program to be run, with its input. `mayFail`: it undoes what may not be there. */
export interface Command {
  readonly argv: readonly string[];
  readonly input?: string;
  readonly mayFail?: boolean;
}

/** Each question with its answer. */
export interface Questions {
  /** Runs programs, one after another. */
  run: { asked: { commands: readonly Command[] }; answer: Record<string, never> };
  /** What comes of TCP connections to each: the best of a few. */
  dial: { asked: { targets: readonly Target[]; timeoutMs: number }; answer: { dialled: readonly Dialled[] } };
  /** Sends and receives a number of datagrams, and tells the part that was lost. */
  loss: { asked: { witness: string; packets: number }; answer: { up: number; down: number } };
  rate: {
    asked: { witness: string; direction: 'up' | 'down'; bytes: number; withinMs: number };
    answer: { bytesPerSecond: number };
  };
  roundTrip: { asked: { witness: string; samples: number }; answer: { ms: number } };
  /** Keeps one connection to the witness busy, for so long at most: how long it was answered on it. */
  hold: { asked: { witness: string; forMs: number }; answer: { answeredMs: number } };
  /** Of the interface: its largest packet. */
  mtu: { asked: object; answer: { mtuBytes: number } };
  free: { asked: { folder: string }; answer: { freeBytes: number } };
}

export type Question = { [Q in keyof Questions]: { readonly do: Q } & Questions[Q]['asked'] }[keyof Questions];
export type Failure = { readonly failed: string };

/**
 * Ports of the witness. The rules leave out of the cuts what is measured at MEASURING and LOSING, and the former of the loss, so that
 * each fault can be proved whatever else is in force; REACHING is treated like everybody's.
 */
export const MEASURING_PORT = 7001;
export const REACHING_PORT = 7002;
export const LOSING_PORT = 7003;
