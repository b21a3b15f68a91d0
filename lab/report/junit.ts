import module, { type Builder, type TestCase } from 'junit-report-builder';
import { printable, printableAll } from '#proto/printable.ts';
import type { Result } from '../checks/result-schema.ts';
import type { OperationEvent, RunFacts } from '../history/events.ts';
import { actualText, failureLines, programText } from './format.ts';

// Its types describe an ES module; Node gives the CommonJS one, whose exports are the builder.
const builder = module as unknown as Builder;

/** One run, for the report. A suite may accept what is wrong with it (`accepted` says why), or refuse a pass. */
export interface JudgedRun {
  readonly result: Result;
  readonly steps: RunFacts['steps'];
  readonly events: readonly OperationEvent[];
  readonly accepted?: string;
  readonly refused?: string;
}

/**
 * `junit.xml`: a test suite for each run, in it a test case for each expectation, each built-in check and each failed
 * step. Inconclusive is an `<error>`; what is wrong in a known failure is `<skipped>`, and so is what the
 * driver can't run; what did not run for another reason is an `<error>` too.
 */
export function junitXml(
  runs: readonly JudgedRun[],
  notRun: readonly { name: string; why: string }[] = [],
  skipped: readonly { name: string; why: string }[] = [],
): string {
  const report = builder.newBuilder();
  // XML 1.0 has no way to write most control characters.
  for (const run of runs) {
    const failed = run.events.filter(({ outcome }) => outcome === 'failed');
    addRun(report, printableAll({ ...run, events: failed }));
  }
  const verdictOf = (name: string) =>
    report.testSuite().name(`peerlab.${name}`).testCase().className(`peerlab.${name}.run`).name('verdict');
  for (const { name, why } of notRun) verdictOf(printable(name)).error(printable(why));
  for (const { name, why } of skipped) verdictOf(printable(name)).skipped().standardOutput(printable(why));
  return report.build();
}

function addRun(report: Builder, { result, steps, events, accepted, refused }: JudgedRun): void {
  const suite = report
    .testSuite()
    .name(`peerlab.${result.scenario}`)
    .timestamp(result.startedAt)
    .time(result.durationSeconds);
  for (const one of result.tested)
    suite.property(['tested', one.role, ...(one.groups ?? [])].join('.'), programText(one));
  const testCase = (kind: string, name: string) =>
    suite.testCase().className(`peerlab.${result.scenario}.${kind}`).name(name);
  const fail = (entry: TestCase, message: string) =>
    accepted === undefined ? entry.failure(message) : entry.skipped();

  const why = failureLines(result);
  for (const { expression, actual, ok, missing, example } of result.expectations) {
    const entry = testCase('expectation', expression);
    if (ok === false)
      fail(
        entry,
        [
          `expected ${expression}, got ${actualText(expression, actual)}`,
          ...(example === undefined ? [] : [example, ...why]),
        ].join('\n'),
      );
    if (ok === null) entry.error(missing === undefined ? 'could not be judged' : `the figure is missing: ${missing}`);
  }
  for (const { name, verdict, reason, details } of result.checks) {
    const entry = testCase('check', name);
    if (verdict === 'fail') fail(entry, [reason, ...details].join('\n'));
    if (verdict === 'inconclusive') entry.error(reason);
  }
  for (const { id, label } of steps) {
    const failed = events.filter(({ step }) => step === id);
    if (failed.length === 0) continue;
    const lines = failed
      .slice(0, 20)
      .map(({ peer, file, error }) => `${peer}${file ? ` "${file}"` : ''}: ${error?.message} [${error?.code}]`);
    // Whether a failed operation is wrong is for expectations to say: a scenario may want it. A passing run keeps its green.
    const entry = testCase('step', `${id}. ${label}`);
    if (result.verdict === 'pass')
      entry.standardOutput(`${failed.length} operations failed, as expected\n${lines.join('\n')}`);
    else fail(entry, `${failed.length} operations failed\n${lines.join('\n')}`);
  }
  if (result.verdict === 'inconclusive') testCase('run', 'verdict').error(result.reason);
  if (refused !== undefined) testCase('run', 'known failure').failure(refused);
}
