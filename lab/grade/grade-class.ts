import { closeSync, existsSync, mkdirSync, openSync, readFileSync, realpathSync } from 'node:fs';
import path from 'node:path';
import type { z } from 'zod';
import { PeerLabError } from '#proto/errors.ts';
import { resultSchema } from '../checks/result-schema.ts';
import { conformanceSchema } from '../conformance/reports.ts';
import type { RuleId } from '../conformance/rules.ts';
import { writeWhole } from '../history/write-whole.ts';
import { inPool } from '../limit.ts';
import { Enclosure, uidOf } from './enclosure.ts';
import { JOB_FILE, type Job, TOLD_FILE, type Told } from './job.ts';
import { type Grade, gradeOf, type Outcome, type Seen } from './points.ts';
import type { Rubric } from './rubric.ts';
import { commandOf, type Submission } from './submissions.ts';

/** One submission after the other, or several at one time: each in an enclosure of its own, and one that hangs is ended. */

const INSIDE = path.join(import.meta.dirname, 'inside.ts');
/** What the lab said while it looked, for the teacher. */
const OUTPUT_FILE = 'output.log';

export interface ClassInit {
  readonly rubric: Rubric;
  readonly submissions: readonly Submission[];
  /** Is there, and gets a folder for each. */
  readonly results: string;
  readonly jobs: number;
  readonly signal: AbortSignal;
  told(grade: Grade): void;
}

/** In the order of the submissions; those that were not begun when the signal fired are not graded. */
export async function gradeClass(init: ClassInit): Promise<Grade[]> {
  const grades: Grade[] = [];
  await inPool([...init.submissions.entries()], init.jobs, async ([number, submission]) => {
    const grade = await gradeOne(init, submission, number);
    grades[number] = grade;
    init.told(grade);
  });
  return grades;
}

async function gradeOne(
  { rubric, results, signal }: ClassInit,
  submission: Submission,
  number: number,
): Promise<Grade> {
  const { name, submittedAt } = submission;
  const folder = path.join(results, name);
  const grade = (seen: Seen) => gradeOf(rubric, name, submittedAt, seen);
  if (signal.aborted) return grade({ ...NOTHING, remarks: ['not begun: interrupted'] });
  mkdirSync(folder);
  const job = jobOf(rubric, submission, folder, uidOf(number + 1));
  writeWhole(path.join(folder, JOB_FILE), JSON.stringify(job));
  const end = await played(folder, rubric, signal);
  return grade(seenIn(folder, end));
}

const NOTHING: Seen = { conformance: undefined, results: new Map(), remarks: [], isItsFault: false };

/** @returns what there is to say about its end */
async function played(folder: string, { limits }: Rubric, signal: AbortSignal): Promise<End> {
  const output = openSync(path.join(folder, OUTPUT_FILE), 'a');
  const enclosure = new Enclosure([process.execPath, INSIDE, path.join(folder, JOB_FILE)], limits, output);
  closeSync(output);
  const kill = () => enclosure.kill();
  let isLate = false;
  const late = setTimeout(() => {
    isLate = true;
    kill();
  }, limits.seconds * 1000);
  signal.addEventListener('abort', kill);
  if (signal.aborted) kill();
  const code = await enclosure.ended;
  clearTimeout(late);
  signal.removeEventListener('abort', kill);
  if (signal.aborted) return { remarks: ['interrupted'], isItsFault: false };
  if (isLate) return { remarks: [`it was not done after ${limits.seconds} s`], isItsFault: true };
  return {
    remarks: code === 0 ? [] : [`the lab ended before it was done: ${OUTPUT_FILE} has its words`],
    isItsFault: false,
  };
}

type End = Pick<Seen, 'remarks' | 'isItsFault'>;

function jobOf(rubric: Rubric, submission: Submission, results: string, uid: number | undefined): Job {
  const { items, limits, build, see, command } = rubric;
  const rules = new Set<RuleId>(items.flatMap((item) => ('rules' in item ? item.rules : [])));
  const scenarios = new Set(items.flatMap((item) => ('scenario' in item ? [item.scenario] : [])));
  return {
    ...{ submission: realpathSync(submission.folder), results, uid, limits, see },
    command: commandOf(submission, command),
    build: build?.trim().split(/\s+/),
    rules: [...rules],
    scenarios: [...scenarios],
  };
}

/** What the lab wrote; each file is held against its schema, since it decides. */
function seenIn(folder: string, end: End): Seen {
  const told = readTold(folder);
  const conformance =
    told?.conformance && read(path.join(folder, told.conformance, 'conformance.json'), conformanceSchema);
  const results = Object.entries(told?.results ?? {}).map(([scenario, one]): [string, Outcome] => [
    scenario,
    read(path.join(folder, one, 'result.json'), resultSchema),
  ]);
  return {
    conformance: conformance || undefined,
    results: new Map(results),
    remarks: [...(told?.remarks ?? []), ...end.remarks],
    isItsFault: end.isItsFault || (told?.wentTooFar ?? false),
  };
}

function readTold(folder: string): Told | undefined {
  const file = path.join(folder, TOLD_FILE);
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
}

function read<S extends z.ZodType>(file: string, schema: S): z.infer<S> | undefined {
  try {
    return schema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return undefined;
  }
}

/**
 * What is hidden must not lie where a cage shows it.
 * @throws PeerLabError `rubric-invalid`
 */
export function refuseSeen({ see, file, items }: Rubric, classFolder: string): void {
  const shown = ['/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32', '/etc', '/opt', ...see].map(realOf);
  const hidden = items.flatMap((item) => ('scenario' in item && item.hidden ? [item.scenario] : []));
  const secret = [classFolder, ...(path.dirname(file) === import.meta.dirname ? [] : [file]), ...hidden];
  for (const one of secret.map(realOf)) {
    const by = shown.find((place) => one === place || one.startsWith(`${place}/`) || place.startsWith(`${one}/`));
    if (by !== undefined)
      throw new PeerLabError('rubric-invalid', { about: file, got: `submissions may read ${by}, so also ${one}` });
  }
}

function realOf(place: string): string {
  try {
    return realpathSync(place);
  } catch {
    return path.resolve(place);
  }
}
