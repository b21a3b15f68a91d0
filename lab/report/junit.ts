import module, { type Builder } from 'junit-report-builder';
import type { OperationEvent, RunFacts } from '../history/events.ts';
import { actualText } from './format.ts';
import type { Result } from './result-schema.ts';

// Its types describe an ES module; Node gives the CommonJS one, whose exports are the builder.
const builder = module as unknown as Builder;

/** `junit.xml`: a test case for each expectation, each built-in check and each failed step; inconclusive is an `<error>`. */
export function junitXml(result: Result, steps: RunFacts['steps'], events: readonly OperationEvent[]): string {
  const report = builder.newBuilder();
  const suite = report
    .testSuite()
    .name(`peerlab.${result.scenario}`)
    .timestamp(result.startedAt)
    .time(result.durationSeconds);
  const testCase = (kind: string, name: string) =>
    suite.testCase().className(`peerlab.${result.scenario}.${kind}`).name(name);

  for (const { expression, actual, ok } of result.expectations) {
    const entry = testCase('expectation', expression);
    if (ok === false) entry.failure(`expected ${expression}, got ${actualText(expression, actual)}`);
    if (ok === null) entry.error('the figure is missing');
  }
  for (const { name, verdict, reason, details } of result.checks) {
    const entry = testCase('check', name);
    if (verdict === 'fail') entry.failure([reason, ...details].join('\n'));
    if (verdict === 'inconclusive') entry.error(reason);
  }
  for (const { id, label } of steps) {
    const failed = events.filter(({ step, outcome }) => step === id && outcome === 'failed');
    if (failed.length === 0) continue;
    const lines = failed
      .slice(0, 20)
      .map(({ peer, file, error }) => `${peer}${file ? ` "${file}"` : ''}: ${error?.message} [${error?.code}]`);
    testCase('step', `${id}. ${label}`).failure(`${failed.length} operations failed\n${lines.join('\n')}`);
  }
  if (result.verdict === 'inconclusive') testCase('run', 'verdict').error(result.reason);
  return report.build();
}
