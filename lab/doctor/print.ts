import { styleText } from 'node:util';
import { printableAll } from '#proto/printable.ts';
import { counted } from '#proto/units.ts';
import type { Finding } from '../machine/check.ts';
import type { Diagnosis } from './diagnosis.ts';

const MARKS = { ok: '✔', tight: '?', lacking: '✘', unknown: '?' } as const;
const COLOURS = { ok: 'green', tight: 'yellow', lacking: 'red', unknown: 'yellow' } as const;
const NAME_WIDTH = 16;

/** One line for each check, one below it that says how to fix what is wrong, and the prediction. */
export function printDiagnosis(diagnosis: Diagnosis, out: NodeJS.WriteStream): void {
  const { patient, findings, prediction, most } = printableAll(diagnosis);
  const { size, driver } = patient;
  const reckoned = size.reckonedFrom === undefined ? '' : ` (estimated from a plan with ${size.reckonedFrom})`;
  const lines = [
    `${size.scenario} with ${counted(size.peers, 'peer')}${reckoned}, driver ${driver}`,
    ...findings.flatMap((finding) => linesOf(finding, out)),
    '',
    `${prediction}${reasonOf(findings)}`,
    ...(most ? [mostLine(most)] : []),
    '',
  ];
  out.write(lines.join('\n'));
}

function linesOf({ name, state, found, needed, fix }: Finding & { name: string }, out: NodeJS.WriteStream): string[] {
  const mark = styleText(COLOURS[state], MARKS[state], { stream: out });
  const wanted = needed === undefined ? '' : `; needed: ${needed}`;
  const tight = state === 'tight' ? ' (tight)' : '';
  const line = `  ${mark} ${name.padEnd(NAME_WIDTH)} ${found}${wanted}${tight}`;
  return fix === undefined ? [line] : [line, `    ${''.padEnd(NAME_WIDTH)} → ${fix}`];
}

/** The names of what decided. */
function reasonOf(findings: Diagnosis['findings']): string {
  const of = (state: Finding['state']) => findings.filter((finding) => finding.state === state).map(({ name }) => name);
  const decisive = of('lacking').length > 0 ? of('lacking') : of('tight');
  return decisive.length > 0 ? `: ${decisive.join(', ')}` : '';
}

function mostLine({ peers, limit }: NonNullable<Diagnosis['most']>): string {
  if (limit === undefined) return `${counted(peers, 'peer')} like these would fit, and perhaps more.`;
  return `About ${counted(peers, 'peer')} like these would fit. With more, it does not fit: ${limit}.`;
}
