import type { FaultKind } from '../history/events.ts';
import { cut } from './cut.ts';
import { delay } from './delay.ts';
import { drain } from './drain.ts';
import { evict } from './evict.ts';
import type { Fault } from './fault.ts';
import { fill } from './fill.ts';
import { freeze } from './freeze.ts';
import { kill } from './kill.ts';
import { lie } from './lie.ts';
import { limit } from './limit.ts';
import { lose } from './lose.ts';
import { stop } from './stop.ts';

export const FAULTS: { readonly [K in FaultKind]: Fault<K> } = {
  kill,
  stop,
  evict,
  drain,
  freeze,
  cut,
  lose,
  limit,
  delay,
  fill,
  lie,
};
