import { styleText } from 'node:util';
import Table from 'cli-table3';
import { fitted } from '#proto/columns.ts';
import { printable, printableAll } from '#proto/printable.ts';
import { counted } from '#proto/units.ts';
import type { Result, Verdict } from '../checks/result-schema.ts';
import type { Listener } from '../history/event-stream.ts';
import type { ResultsFolder } from '../history/results-folder.ts';
import type { EventKind, EventOf, RunEvent } from '../history/run-event.ts';
import {
  actualText,
  failureLines,
  notes,
  OPERATION_HEAD,
  operationRows,
  seconds,
  testedLine,
  transferLine,
} from './format.ts';
import { nextLooks } from './next-looks.ts';
import { throughputLine } from './sparkline.ts';
import { swarmLines } from './swarm-lines.ts';

/** Where people read: a terminal, a pipe, or what is kept for later. */
export type Out = NodeJS.WritableStream & Partial<Pick<NodeJS.WriteStream, 'isTTY' | 'columns'>>;

const FRAMES = '⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏';
const REDRAW_MS = 100;
/** Without a terminal, a phase that takes long says so after this time, then less and less often. */
const STILL_MS = 5000;
const STILL_MAX_MS = 60_000;
/** From then on, the oldest wait is named. Less than STILL_MS: the first line that says so names it. */
const WAIT_SHOWN_MS = 3000;

type Show<K extends EventKind> = (event: EventOf<K>) => void;

/** Shows how far a run is: a line that moves on a terminal, plain lines elsewhere. Every phase and step leaves one line. */
export class TerminalProgress implements Listener {
  readonly name = 'the progress line';
  readonly #out: Out;
  readonly #moves: boolean;
  #steps = 0;
  #what: string | undefined;
  #began = 0;
  #done = 0;
  #failed = 0;
  #total = 0;
  #inStep = false;
  /** What is waited for, the oldest first: its words, and since when. */
  readonly #waits = new Map<string, { readonly what: string; readonly since: number }>();
  #timer: NodeJS.Timeout | undefined;
  #frame = 0;

  constructor(out: Out) {
    this.#out = out;
    this.#moves = mayMove(out);
  }

  take(event: RunEvent): void {
    (this.#shows[event.kind] as Show<EventKind> | undefined)?.(event);
  }

  readonly #shows: { readonly [K in EventKind]?: Show<K> } = {
    'run-began': ({ run }) => {
      this.#steps = run.steps.filter(({ id }) => isOutermost(id)).length;
    },
    'phase-began': ({ what, total = 0 }) => {
      this.#inStep = false;
      this.#begin(what, total);
    },
    'phase-ended': () => this.#end(),
    'step-began': ({ step, label, total }) => {
      if (!isOutermost(step)) return;
      this.#inStep = true;
      this.#begin(`Step ${step}/${this.#steps}: ${label}`, total);
    },
    'step-ended': ({ step }) => {
      if (!isOutermost(step)) return;
      const failed = this.#failed > 0 ? `, ${this.#failed} failed` : '';
      this.#end(this.#done === 0 ? '' : `${this.#done - this.#failed} ok${failed}`);
    },
    'operation-began': ({ id, peer, operation, file }) =>
      this.#wait(`operation ${id}`, `${peer}: ${operation}${file === undefined ? '' : ` "${file}"`}`),
    'operation-ended': ({ operation }) => {
      this.#waits.delete(`operation ${operation.id}`);
      this.#advance(operation.outcome === 'failed');
    },
    'instance-started': ({ instance }) => this.#wait(`start of ${instance}`, `${instance}: start`),
    // Within a step, operations are counted.
    'instance-ready': ({ instance, role }) => {
      this.#waits.delete(`start of ${instance}`);
      if (role === 'peer' && !this.#inStep) this.#advance();
    },
    'disk-read': () => this.#advance(),
    note: ({ text }) => {
      this.#clear();
      this.#out.write(`    ${styleText('dim', printable(text), { stream: this.#out })}\n`);
    },
  };

  #begin(what: string, total: number): void {
    this.#end();
    this.#what = printable(what);
    this.#began = performance.now();
    this.#total = total;
    this.#done = 0;
    this.#failed = 0;
    if (this.#moves) this.#show();
    this.#again(this.#moves ? REDRAW_MS : STILL_MS);
  }

  #wait(key: string, what: string): void {
    this.#waits.set(key, { what: printable(what), since: performance.now() });
  }

  #advance(failed = false): void {
    this.#done++;
    if (failed) this.#failed++;
  }

  #end(how = ''): void {
    clearTimeout(this.#timer);
    if (this.#what === undefined) return;
    this.#clear();
    const took = seconds((performance.now() - this.#began) / 1000);
    this.#out.write(
      `  ${this.#what}${how ? `: ${printable(how)}` : ''} ${styleText('dim', `(${took})`, { stream: this.#out })}\n`,
    );
    this.#what = undefined;
  }

  #again(afterMs: number): void {
    this.#timer = setTimeout(() => {
      this.#show();
      this.#again(this.#moves ? REDRAW_MS : Math.min(afterMs * 2, STILL_MAX_MS));
    }, afterMs).unref();
  }

  #show(): void {
    if (!this.#moves) {
      this.#out.write(`  ${this.#what} … ${this.#far()}\n`);
      return;
    }
    this.#clear();
    this.#frame = (this.#frame + 1) % FRAMES.length;
    const line = `${FRAMES[this.#frame]} ${this.#what} ${this.#far()}`;
    this.#out.write(fitted(line, (this.#out.columns || 80) - 1));
  }

  #far(): string {
    const done = this.#done === 0 ? '' : `${this.#done}/${Math.max(this.#done, this.#total)}`;
    return [done, this.#oldestWait()].filter((text) => text !== '').join('; ');
  }

  /** Who keeps the run, with what, and for how long. */
  #oldestWait(): string {
    const [oldest] = this.#waits.values();
    const ms = oldest === undefined ? 0 : performance.now() - oldest.since;
    return oldest === undefined || ms < WAIT_SHOWN_MS ? '' : `waiting ${seconds(ms / 1000)} for ${oldest.what}`;
  }

  #clear(): void {
    if (this.#moves) this.#out.write('\r\u001b[2K');
  }
}

/** Not inside another one. */
function isOutermost(step: string): boolean {
  return !step.includes('.');
}

/** Whether a person sits before it: a dumb terminal and a CI's log show a line that moves as rubbish. */
export function mayMove({ isTTY }: Out): boolean {
  const { TERM, CI } = process.env;
  return isTTY === true && TERM !== 'dumb' && (CI === undefined || CI === '' || CI === 'false');
}

const MAX_REASON_CHARS = 2000;
const MARKS = { true: '✔', false: '✘', null: '?' } as const;
export const COLOURS = { pass: 'green', fail: 'red', inconclusive: 'yellow' } as const;
const MARK_OF: Record<Verdict, string> = { pass: '✔', fail: '✘', inconclusive: '?' };

/** The summary that ends a run. */
export async function printSummary(judged: Result, folder: ResultsFolder, out: Out): Promise<void> {
  const result = printableAll(judged);
  const paint = (verdict: Verdict, text: string) => styleText(COLOURS[verdict], text, { stream: out });
  const table = new Table({
    head: OPERATION_HEAD,
    style: { head: [], border: [], compact: true },
    colAligns: ['left', 'right', 'right', 'right', 'right'],
  });
  table.push(...operationRows(result));
  const failures = failureLines(result);
  const course = await throughputLine(folder, judged).catch(() => undefined); // The verdict says what is damaged.
  const swarm = swarmLines(result);
  const next = nextLooks(result);
  const remarks = notes(result);
  const lines = [
    '',
    ...(Object.keys(result.operations).length > 0 ? [table.toString(), `Transfers: ${transferLine(result)}`] : []),
    ...(course === undefined ? [] : [`Throughput: ${course}`]),
    ...(swarm.length > 0 ? ['', 'Swarm', ...swarm.map((line) => `  ${line}`)] : []),
    ...(failures.length > 0 ? ['', 'Failed operations', ...failures.map((line) => `  ${line}`)] : []),
    '',
    'Built-in checks',
    ...result.checks.map(({ name, verdict, reason }) => `  ${paint(verdict, MARK_OF[verdict])} ${name}: ${reason}`),
    '',
    'Expectations',
    ...result.expectations.map(({ expression, actual, ok, missing }) => {
      const verdict = ok === null ? 'inconclusive' : ok ? 'pass' : 'fail';
      return `  ${paint(verdict, MARKS[`${ok}`])} ${expression}  ${styleText('dim', `(${actualText(expression, actual, missing)})`, { stream: out })}`;
    }),
    ...(remarks.length > 0 ? ['', ...remarks] : []),
    ...result.leftovers.map((leftover) => paint('fail', `Left over: ${leftover}`)),
    ...(next.length > 0 ? ['', 'Look next at', ...next.map((line, n) => `  ${n + 1}. ${line}`)] : []),
    '',
    `${verdictWord(result.verdict, out)}: ${result.reason}`,
    `${counted(result.peers, 'peer')}, set up in ${seconds(result.setupSeconds)}, ran for ${seconds(result.durationSeconds)}, seed ${result.seed}`,
    testedLine(result.tested),
    ...placeLines(folder),
    '',
  ];
  out.write(lines.join('\n'));
}

export function verdictWord(verdict: Verdict, out: Out): string {
  return styleText([COLOURS[verdict], 'bold'], verdict.toUpperCase(), { stream: out });
}

/** The least that people need to know. */
export function printVerdict({ verdict, reason }: Result, folder: ResultsFolder, out: Out): void {
  const lines = [`${verdict.toUpperCase()}: ${printable(reason, MAX_REASON_CHARS)}`, ...placeLines(folder), ''];
  out.write(lines.join('\n'));
}

function placeLines(folder: ResultsFolder): string[] {
  return [`Results: ${folder.path}`, ...(folder.has('report.html') ? [`Report:  ${folder.file('report.html')}`] : [])];
}
