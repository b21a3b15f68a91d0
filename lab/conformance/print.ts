import path from 'node:path';
import { styleText } from 'node:util';
import { printable } from '#proto/printable.ts';
import type { Out } from '../report/terminal.ts';
import type { Finding, Outcome } from './conformance.ts';
import type { Group } from './rules.ts';

const MARKS: Readonly<Record<Outcome, string>> = { kept: '✔', broken: '✘', 'not brought': '-', 'not seen': '?' };
const COLOURS = { kept: 'green', broken: 'red', 'not brought': 'dim', 'not seen': 'yellow' } as const;
const VERDICTS = { pass: 'PASS', fail: 'FAIL', inconclusive: 'INCONCLUSIVE' } as const;
/** Room for the longest id of a rule. */
export const ID_CHARS = 22;

/** What of a check people see while it goes on, and at its end. */
export class ConformanceProgress {
  readonly #out: Out;
  #group: Group | undefined;
  #why: string | undefined;

  constructor(out: Out) {
    this.#out = out;
  }

  /** One rule: a line, and what to do about it if it is not kept. */
  tell({ id, group, level, is, hint, section, outcome, evidence, why }: Finding): void {
    if (group !== this.#group) this.#line(styleText('bold', group, { stream: this.#out }));
    this.#group = group;
    const name = id.padEnd(ID_CHARS);
    this.#line(`  ${this.#paint(outcome, `${MARKS[outcome]} ${name} ${level.padEnd(6)}`)} ${is}`);
    // One sentence for each rule that can not be looked at would hide the one that says why.
    if (why !== undefined) this.#line(`      ${outcome}: ${why === this.#why ? 'as above' : printable(why)}`);
    this.#why = why ?? this.#why;
    if (!evidence) return;
    this.#line(`      asked:    ${printable(evidence.asked)}`);
    this.#line(`      expected: ${printable(evidence.expected)}`);
    this.#line(`      came:     ${printable(evidence.came)}`);
    this.#line(`      hint:     ${hint}`);
    this.#line(`      read:     docs/peer-contract.md, "${section.replaceAll('*', '')}"`);
  }

  end(verdict: keyof typeof VERDICTS, findings: readonly Finding[], folder: string): void {
    this.#line('');
    this.#line(`${VERDICTS[verdict]}: ${sentence(findings)}`);
    this.#line(`Results: ${folder}`);
    this.#line(`Report:  ${path.join(folder, 'report.html')}`);
  }

  #paint(outcome: Outcome, text: string): string {
    return styleText(COLOURS[outcome], text, { stream: this.#out });
  }

  #line(text: string): void {
    this.#out.write(`${text}\n`);
  }
}

/** How many rules of each level are kept, and what is wrong with the rest. */
export function sentence(findings: readonly Finding[]): string {
  const parts = (['must', 'should'] as const).flatMap((level) => {
    const rules = findings.filter((finding) => finding.level === level);
    if (rules.length === 0) return [];
    const count = (wanted: Outcome) => rules.filter(({ outcome }) => outcome === wanted).length;
    const rest = (['broken', 'not brought', 'not seen'] as const)
      .filter((outcome) => count(outcome) > 0)
      .map((outcome) => `${count(outcome)} ${outcome}`);
    return [`${count('kept')} of ${rules.length} ${level}s kept${rest.length > 0 ? ` (${rest.join(', ')})` : ''}`];
  });
  return `${parts.join('; ')}.`;
}
