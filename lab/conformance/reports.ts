import path from 'node:path';
import module, { type Builder } from 'junit-report-builder';
import { z } from 'zod';
import { printable } from '#proto/printable.ts';
import { writeWhole } from '../history/write-whole.ts';
import { type BegunPage, writePage } from '../page/write-page.ts';
import type { Finding } from './conformance.ts';
import { sentence } from './print.ts';
import { GROUPS } from './rules.ts';

// Its types describe an ES module; Node gives the CommonJS one, whose exports are the builder.
const builder = module as unknown as Builder;

/** `conformance.json`. */
export const conformanceSchema = z.object({
  runId: z.string(),
  /** The peer that was checked, for people. */
  tested: z.string(),
  driver: z.string(),
  verdict: z.enum(['pass', 'fail', 'inconclusive']),
  reason: z.string(),
  rules: z.array(
    z.object({
      id: z.string(),
      group: z.enum(GROUPS),
      level: z.enum(['must', 'should']),
      is: z.string(),
      section: z.string(),
      outcome: z.enum(['kept', 'broken', 'not brought', 'not seen']),
      seconds: z.number(),
      evidence: z.object({ asked: z.string(), expected: z.string(), came: z.string() }).optional(),
      why: z.string().optional(),
      hint: z.string(),
    }),
  ),
});
export type Conformance = z.infer<typeof conformanceSchema>;

interface Judged extends Omit<Conformance, 'reason' | 'rules'> {
  readonly folder: string;
  readonly findings: readonly Finding[];
}

/** `conformance.json`, `junit.xml`, `badge.svg` and `report.html`, each whole or not at all. @returns why there is no report.html */
export async function writeReports(
  { folder, findings, ...facts }: Judged,
  page: BegunPage,
): Promise<string | undefined> {
  const told: Conformance = { ...facts, reason: sentence(findings), rules: [...findings] };
  writeWhole(path.join(folder, 'conformance.json'), `${JSON.stringify(told, null, 2)}\n`);
  writeWhole(path.join(folder, 'junit.xml'), junitOf(told));
  writeWhole(path.join(folder, 'badge.svg'), badgeOf(told));
  return writePage(folder, `${told.tested}: ${told.verdict}`, { kind: 'conformance', ...told }, page);
}

/** A test case for each rule. What a peer may leave out, and leaves out, is skipped; what was not seen is an error. */
export function junitOf({ rules, tested }: Conformance): string {
  const report = builder.newBuilder();
  const suite = report.testSuite().name('peerlab.conformance').property('tested', printable(tested));
  for (const { id, group, level, is, outcome, seconds, evidence, why = '', hint } of rules) {
    const entry = suite
      .testCase()
      .className(`peerlab.conformance.${group}`)
      .name(`${id} (${level}): ${is}`)
      .time(seconds);
    const came = evidence ? `asked: ${evidence.asked}\nexpected: ${evidence.expected}\ncame: ${evidence.came}\n` : '';
    if (outcome === 'not brought' || (outcome !== 'kept' && level === 'should')) entry.skipped();
    else if (outcome === 'broken') entry.failure(printable(evidence?.came ?? ''));
    else if (outcome === 'not seen') entry.error(printable(why));
    if (outcome !== 'kept') entry.standardOutput(printableLines(`${came}${why}\nhint: ${hint}`));
  }
  return report.build();
}

const printableLines = (text: string) =>
  text
    .split('\n')
    .map((line) => printable(line))
    .join('\n');

const COLOURS = { pass: '#2e7d32', fail: '#c62828', inconclusive: '#9e6a03' } as const;

/** As on the pages of a repository: what, and how many. */
export function badgeOf({ verdict, rules }: Conformance): string {
  const musts = rules.filter(({ level }) => level === 'must');
  const text = `${musts.filter(({ outcome }) => outcome === 'kept').length}/${musts.length} musts`;
  const [left, right] = [112, 78];
  const label = (x: number, words: string) => `<text x="${x}" y="14" text-anchor="middle">${words}</text>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${left + right}" height="20" role="img" aria-label="PeerLab contract: ${text}, ${verdict}">
<rect width="${left}" height="20" fill="#444"/><rect x="${left}" width="${right}" height="20" fill="${COLOURS[verdict]}"/>
<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">${label(left / 2, 'PeerLab contract')}${label(left + right / 2, text)}</g>
</svg>
`;
}
