import { z } from 'zod';
import { RESULT_FILES, type ResultFileSpec } from '../lab/history/result-files.ts';
import { runEvent } from '../lab/history/run-event.ts';
import { cell, page, table } from './markdown.ts';

const FILES = Object.entries<ResultFileSpec>(RESULT_FILES);

/** The part of README that names the files. */
export function filesTable(): string {
  return table(
    ['file', 'what it is'],
    // Its links are relative to docs/.
    FILES.map(([name, { is }]) => [`\`${name}\``, is.replaceAll('](', '](docs/')]),
  );
}

const CHANGES: Record<ResultFileSpec['change'], string> = {
  appended: 'appended, line by line',
  replaced: 'replaced as a whole',
  copied: 'copied as it is',
};

/** docs/results.md */
export function resultsPage(): string {
  return page(
    'What a run leaves',
    'lab/history',
    `Every run has a folder \`results/<run-id>/\`, and the link \`results/latest\` leads to the newest one. Reports are made
from these files and nothing else: \`bin/lab report FOLDER\` makes them again.`,
    table(
      ['file', 'what it is', 'written by', 'how'],
      FILES.map(([name, { is, by, change }]) => [`\`${name}\``, is, by, CHANGES[change]]),
    ),
    `Appended files have one JSON object a line. If the lab was killed, half of the last line may be there; it is no record.
\`run.json\` says how many bytes each file had when the run ended. If one has more or fewer, the verdict is *inconclusive*.`,
    'Times are in seconds since the first step began; during set-up they are 0. A name with `?` may be missing.',
    ...FILES.flatMap(([name, { line, json }]) => {
      const shape = line ?? json;
      return shape && !(shape instanceof z.ZodDiscriminatedUnion) ? [`## ${name}`, fieldsTable(shape)] : [];
    }),
    '## timeline.ndjson',
    'The stream of the run: `lab/history/run-event.ts` has its types. Kinds that have a file of their own stand there.',
    table(
      ['kind', 'beside `kind` and `at`'],
      runEvent.options.map((option) => [
        `\`${option.shape.kind.value}\``,
        fieldsOf(option)
          .filter(([field]) => field !== 'kind' && field !== 'at')
          .map(([field, type]) => `\`${field}\` (${cell(type)})`)
          .join(', ') || '–',
      ]),
    ),
    '## The folder of a suite',
    `A suite has a folder \`results/suite-<name>/\` beside those of its runs: \`suite.json\` ([JSON Schema](suite-result.schema.json)) says
what became of each scenario, and in the folder of which run; \`junit.xml\`, \`summary.md\` and \`report.html\` tell it to others.
\`bin/lab report results/suite-<name>\` makes these three again, from \`suite.json\` and the \`result.json\` of its runs. A run that can't be
read any more counts as *inconclusive*.`,
  );
}

function fieldsTable(shape: z.ZodType): string {
  return table(
    ['field', 'type'],
    fieldsOf(shape).map(([field, type]) => [`\`${field}\``, cell(type)]),
  );
}

interface JsonSchema {
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly JsonSchema[];
  readonly items?: JsonSchema;
  readonly prefixItems?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
}

function fieldsOf(shape: z.ZodType): [string, string][] {
  const { properties = {}, required = [] } = z.toJSONSchema(shape) as JsonSchema;
  return Object.entries(properties).map(([field, schema]) => [
    required.includes(field) ? field : `${field}?`,
    typeOf(schema),
  ]);
}

function typeOf({ type, const: only, enum: some, anyOf, items, prefixItems, properties }: JsonSchema): string {
  if (only !== undefined) return String(only);
  if (some) return some.join(' or ');
  if (anyOf) return anyOf.map(typeOf).join(' or ');
  if (prefixItems) return `[${prefixItems.map(typeOf).join(', ')}]`;
  if (items) return `list of ${typeOf(items)}`;
  if (properties) return `{${Object.keys(properties).join(', ')}}`;
  return type ?? 'any';
}
