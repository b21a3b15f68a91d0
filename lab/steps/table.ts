import { download } from './download.ts';
import { index } from './index-step.ts';
import { loadfiles } from './loadfiles.ts';
import { login } from './login.ts';
import { logout } from './logout.ts';
import { search } from './search.ts';
import type { StepKind } from './step.ts';
import { upload } from './upload.ts';
import { wait } from './wait.ts';

/** Every verb of the language, in the order in which the reference shows them. Typed loosely: read.ts pairs each spec with its own kind. */
const ALL = [login, index, search, download, upload, loadfiles, logout, wait] as unknown as readonly StepKind[];

export const STEPS: ReadonlyMap<string, StepKind> = new Map(ALL.map((kind) => [kind.verb, kind]));
