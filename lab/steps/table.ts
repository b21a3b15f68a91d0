import { barrier } from './barrier.ts';
import { each, parallel, repeat } from './blocks.ts';
import { churn } from './churn.ts';
import { download } from './download.ts';
import { expectStep } from './expect-step.ts';
import { cut, delay, fill, freeze, heal, kill, lie, limit, lose, restart, stop, thaw } from './faults.ts';
import { index } from './index-step.ts';
import { loadfiles } from './loadfiles.ts';
import { login } from './login.ts';
import { logout } from './logout.ts';
import { search } from './search.ts';
import { start } from './start.ts';
import type { StepKind } from './step.ts';
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
