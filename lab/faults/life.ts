import type { Driver, Instance } from '../drivers/driver.ts';
import type { Seen } from '../history/events.ts';
import type { Fault } from './fault.ts';
import { probe, probeUntil } from './probe.ts';

/** So long an instance that stands still is listened to; one that runs answers within milliseconds. */
const SILENCE_MS = 500;
/** Until the port of an instance that has ended is closed: the engine takes it down a moment later. */
const REFUSAL_MS = 3000;

interface LifeFault {
  /** What a probe of the instance must see while the fault is in force. */
  readonly seen: Seen;
  readonly ends: boolean;
  apply(instance: Instance): Promise<void>;
  lift(instance: Instance, driver: Pick<Driver, 'restart'>): Promise<Instance>;
}

/** A fault of the instance itself, which its control port shows. */
export function lifeFault<K extends 'kill' | 'stop' | 'freeze'>({
  seen: wanted,
  ends,
  apply,
  lift,
}: LifeFault): Fault<K> {
  return {
    hits: 'life',
    ends,
    apply: (_, { instance }) => apply(instance),
    lift: (_, { instance }, driver) => lift(instance, driver),
    async look(_, { instance: { url } }, when, withinMs) {
      if (when === 'before') return judged('answers', await probe(url, withinMs));
      if (when === 'after') return judged('answers', await probeUntil(url, 'answers', withinMs));
      const seen = wanted === 'silent' ? probe(url, SILENCE_MS) : probeUntil(url, wanted, REFUSAL_MS);
      return judged(wanted, await seen);
    },
  };
}

function judged(wanted: Seen, seen: Seen) {
  return { wanted, seen, ok: seen === wanted };
}
