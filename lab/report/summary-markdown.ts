import { printableAll } from '#proto/printable.ts';
import { counted } from '#proto/units.ts';
import type { Result } from '../checks/result-schema.ts';
import {
  actualText,
  failureLines,
  leftOutLines,
  notes,
  OPERATION_HEAD,
  operationRows,
  playerText,
  programText,
  seconds,
  transferLine,
} from './format.ts';
import { plain, row } from './markdown.ts';
import { swarmLines } from './swarm-lines.ts';

/** `summary.md`: the report as a page, for pull requests and lab notebooks. */
export function summaryMarkdown(result: Result): string {
  const { scenario, description, verdict, reason, runId, startedAt, driver, seed, peers, ...rest } =
    printableAll(result);
  const isOnly = rest.tested.filter(({ role }) => role === 'peer').length === 1;
  const sign = { true: 'kept', false: '**broken**', null: '*not judged*' } as const;
  const swarm = swarmLines(printableAll(result));
  const failures = failureLines({ ...result, ...rest });
  return `${[
    `# ${plain(scenario)}: ${verdict}`,
    '',
    plain(description),
    '',
    `**${verdict}**: ${plain(reason)}`,
    '',
    `Run \`${runId}\`, ${startedAt}, driver ${driver}, seed ${seed}, ${counted(peers, 'peer')}; set up in ${seconds(rest.setupSeconds)}, ran for ${seconds(rest.durationSeconds)}.`,
    '',
    row(['role', 'tested program']),
    row(['---', '---']),
    ...rest.tested.map((one) => row([playerText(one, isOnly), programText(one)].map(plain))),
    '',
    row(OPERATION_HEAD),
    row(['---', '---:', '---:', '---:', '---:']),
    ...operationRows(result).map((cells) => row(cells.map(plain))),
    '',
    `Transfers: ${transferLine(result)}.`,
    '',
    ...(swarm.length > 0 ? ['Swarm:', '', ...swarm.map((line) => `- ${plain(line)}`), ''] : []),
    ...(failures.length > 0 ? ['Failed operations:', '', ...failures.map((line) => `- ${plain(line)}`), ''] : []),
    row(['built-in check', 'verdict', 'reason']),
    row(['---', '---', '---']),
    ...rest.checks.map(({ name, verdict, reason }) => row([name, verdict, plain(reason)])),
    '',
    row(['expectation', 'actual', '']),
    row(['---', '---', '---']),
    ...rest.expectations.map(({ expression, actual, ok, missing, example = '' }) =>
      row([
        plain(expression),
        plain(actualText(expression, actual, missing)),
        `${sign[`${ok}`]} ${plain(example)}`.trim(),
      ]),
    ),
    ...leftOutLines(rest.leftOut ?? { count: 0, examples: [] }).flatMap((line) => ['', plain(line)]),
    ...notes(result).flatMap((note) => ['', plain(note)]),
    ...(rest.leftovers.length > 0 ? ['', 'Left over:', ...rest.leftovers.map((one) => `- ${plain(one)}`)] : []),
  ].join('\n')}\n`;
}
