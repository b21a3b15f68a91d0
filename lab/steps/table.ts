import { barrier } from './barrier.ts';
import { churn } from './churn.ts';
import { cut } from './cut.ts';
import { delay } from './delay.ts';
import { download } from './download.ts';
import { drain } from './drain.ts';
import { each } from './each.ts';
import { evict } from './evict.ts';
import { expectStep } from './expect-step.ts';
import { fill } from './fill.ts';
import { freeze } from './freeze.ts';
import { heal } from './heal.ts';
import { index } from './index-step.ts';
import { kill } from './kill.ts';
import { lie } from './lie.ts';
import { limit } from './limit.ts';
import { loadfiles } from './loadfiles.ts';
import { login } from './login.ts';
import { logout } from './logout.ts';
import { lose } from './lose.ts';
import { parallel } from './parallel.ts';
import { repeat } from './repeat.ts';
import { restart } from './restart.ts';
import { search } from './search.ts';
import { start } from './start.ts';
import type { StepKind } from './step.ts';
import { stop } from './stop.ts';
import { thaw } from './thaw.ts';
import { upload } from './upload.ts';
import { wait } from './wait.ts';

/** Every verb of the language, in the order of the reference. Typed loosely: read.ts pairs each spec with its own kind. */
const ALL = [
  login,
  index,
  search,
  download,
  upload,
  loadfiles,
  logout,
  start,
  stop,
  kill,
  evict,
  drain,
  restart,
  freeze,
  thaw,
  churn,
  cut,
  lose,
  limit,
  delay,
  fill,
  lie,
  heal,
  wait,
  expectStep,
  parallel,
  repeat,
  each,
  barrier,
] as unknown as readonly StepKind[];

export const STEPS: ReadonlyMap<string, StepKind> = new Map(ALL.map((kind) => [kind.verb, kind]));
