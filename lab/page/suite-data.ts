import path from 'node:path';
import type { SuiteReport, SuiteReportLine, SuiteReportResult } from '../../page/report/data.ts';
import type { Result } from '../checks/result-schema.ts';

/** What a suite tells of one of its scenarios. */
export interface AttendedLine extends Pick<SuiteReportLine, 'name' | 'outcome' | 'reason' | 'seconds'> {
  /** The results folder of its run. */
  readonly results: string | undefined;
  readonly result: Result | undefined;
}

/** WHAT OF A SUITE GOES INTO ITS REPORT. @param folder of the suite */
export function suiteData(
  { name, description }: { readonly name: string; readonly description: string },
  folder: string,
  attended: readonly AttendedLine[],
): SuiteReport {
  return {
    ...{ kind: 'suite', name, description },
    lines: attended.map(({ results, result, ...line }) => ({
      ...line,
      report: results && linkTo(path.relative(folder, path.join(results, 'report.html'))),
      result: result && figuresOf(result),
    })),
  };
}

/** A path as an address: each of its names is one, whatever is in it. */
function linkTo(file: string): string {
  return file.split(path.sep).map(encodeURIComponent).join('/');
}

function figuresOf(result: Result): SuiteReportResult {
  const { verdict, driver, seed, peers, durationSeconds, setupSeconds, transfers, integrity } = result;
  const broken = [
    ...result.expectations.filter(({ ok }) => ok !== true).map(({ expression }) => expression),
    ...result.checks.filter((check) => check.verdict !== 'pass').map((check) => `${check.name}: ${check.reason}`),
  ];
  return { verdict, driver, seed, peers, durationSeconds, setupSeconds, transfers, integrity, broken };
}
