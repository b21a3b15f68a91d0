import type { Result } from '../../lab/checks/result-schema.ts';
import type { RunEvent } from '../../lab/history/run-event.ts';
import type { Unit } from '../settings/format.ts';

/** WHAT A REPORT IS MADE OF: the lab puts it into report.html, the page draws it. */
export type ReportData = RunReport | SuiteReport | ConformanceReport;

export interface RunReport {
  readonly kind: 'run';
  readonly result: Result;
  /** Of each expectation of the result, in its order. */
  readonly units: readonly Unit[];
  readonly events: readonly RunEvent[];
  /** What the logs say of failed and of slow operations. */
  readonly excerpts: readonly Excerpt[];
  /** What is not in the page, and in which file of the results folder it is. */
  readonly leftOut: readonly LeftOut[];
  /** The command that plays the same scenario with the same seed. */
  readonly again: string;
}

/** Some lines of a log. */
export interface Excerpt {
  /** The id of the operation that they seem to speak of. */
  readonly operation: number;
  /** The log, below the results folder; the number of the line that speaks of it, from 1, and that of the first line here. */
  readonly log: string;
  readonly line: number;
  readonly first: number;
  readonly lines: readonly string[];
}

export interface LeftOut {
  readonly what: 'operations' | 'samples' | 'files';
  readonly shown: number;
  readonly all: number;
  readonly file: string;
}

export interface SuiteReport {
  readonly kind: 'suite';
  readonly name: string;
  readonly description: string;
  /** A suite that goes on, or was cut off, has lines of what was not run. */
  readonly lines: readonly SuiteReportLine[];
}

export interface SuiteReportLine {
  readonly name: string;
  readonly outcome: 'ok' | 'known failure' | 'failed' | 'unexpected pass' | 'inconclusive' | 'skipped' | 'not run';
  readonly reason: string;
  readonly seconds: number;
  /** The report of the run, as seen from that of the suite. */
  readonly report: string | undefined;
  readonly result: SuiteReportResult | undefined;
}

export type SuiteReportResult = Pick<
  Result,
  'verdict' | 'driver' | 'seed' | 'peers' | 'durationSeconds' | 'setupSeconds' | 'transfers' | 'integrity'
> & {
  /** The expectations that were not kept, and the checks that did not pass. */
  readonly broken: readonly string[];
};

/** How a peer keeps the peer contract. */
export interface ConformanceReport {
  readonly kind: 'conformance';
  /** The peer, for people. */
  readonly tested: string;
  readonly driver: string;
  readonly verdict: Result['verdict'];
  readonly reason: string;
  readonly rules: readonly JudgedRule[];
}

export interface JudgedRule {
  readonly id: string;
  readonly group: string;
  readonly level: 'must' | 'should';
  /** What a peer does that keeps it. */
  readonly is: string;
  /** Where it is explained in docs/peer-contract.md. */
  readonly section: string;
  readonly outcome: 'kept' | 'broken' | 'not brought' | 'not seen';
  /** Of a rule that is broken. */
  readonly evidence?: { readonly asked: string; readonly expected: string; readonly came: string } | undefined;
  /** Why it was not seen, or not brought. */
  readonly why?: string | undefined;
  readonly hint: string;
}
