import type { FaultKind } from '../history/events.ts';
import type { Fault } from './fault.ts';
import { freeze } from './freeze.ts';
import { kill } from './kill.ts';
import { stop } from './stop.ts';

export const FAULTS: Readonly<Record<FaultKind, Fault>> = { kill, stop, freeze };
