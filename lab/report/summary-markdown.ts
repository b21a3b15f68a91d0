import type { Result } from '../checks/result-schema.ts';
import { actualText, OPERATION_HEAD, operationRows, seconds, transferLine } from './format.ts';

/** `summary.md`: the report as a page, for pull requests and lab notebooks. */
export function summaryMarkdown(result: Result): string {
  const row = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  const sign = { true: 'kept', false: '**broken**', null: '*not judged*' } as const;
  return `${[
    `# ${result.scenario}: ${result.verdict}`,
    '',
    `${result.description.trim()}`,
    '',
    `**${result.verdict}**: ${result.reason}`,
    '',
    `Run \`${result.runId}\`, ${result.startedAt}, driver ${result.driver}, seed ${result.seed}, ${result.peers} peers; set up in ${seconds(result.setupSeconds)}, ran for ${seconds(result.durationSeconds)}.`,
    '',
    row(OPERATION_HEAD),
    row(['---', '---:', '---:', '---:', '---:']),
    ...operationRows(result).map(row),
    '',
    `Transfers: ${transferLine(result)}.`,
    '',
    row(['built-in check', 'verdict', 'reason']),
    row(['---', '---', '---']),
    ...result.checks.map(({ name, verdict, reason }) => row([name, verdict, reason])),
    '',
    row(['expectation', 'actual', '']),
    row(['---', '---', '---']),
    ...result.expectations.map(({ expression, actual, ok }) =>
      row([`\`${expression}\``, actualText(expression, actual), sign[`${ok}`]]),
    ),
    ...(result.leftovers.length > 0 ? ['', 'Left over:', ...result.leftovers.map((leftover) => `- ${leftover}`)] : []),
  ].join('\n')}\n`;
}
