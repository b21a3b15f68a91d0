import type { SuiteReport, SuiteReportLine, SuiteReportResult } from '../../page/report/data.ts';
import type { Result } from '../checks/result-schema.ts';

/** What a suite tells of one of its scenarios. */
export interface AttendedLine extends Pick<SuiteReportLine, 'name' | 'outcome' | 'reason' | 'seconds'> {
  readonly runId?: string | undefined;
  readonly result: Result | undefined;
}

/** WHAT OF A SUITE GOES INTO ITS REPORT. */
export function suiteData(
  { name, description }: { readonly name: string; readonly description: string },
  attended: readonly AttendedLine[],
): SuiteReport {
  return {
    ...{ kind: 'suite', name, description },
    lines: attended.map(({ runId, result, ...line }) => ({
      ...line,
      // Folders of runs lie beside those of suites.
      report: runId && `../${encodeURIComponent(runId)}/report.html`,
      result: result && figuresOf(result),
    })),
  };
}

function figuresOf(result: Result): SuiteReportResult {
  const { verdict, driver, seed, peers, durationSeconds, setupSeconds, transfers, integrity } = result;
  const broken = [
    ...result.expectations.filter(({ ok }) => ok !== true).map(({ expression }) => expression),
    ...result.checks.filter((check) => check.verdict !== 'pass').map((check) => `${check.name}: ${check.reason}`),
  ];
  return { verdict, driver, seed, peers, durationSeconds, setupSeconds, transfers, integrity, broken };
}
