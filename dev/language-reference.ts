import { z } from 'zod';
import { resultSchema } from '../lab/checks/result-schema.ts';
import { CHECKS } from '../lab/checks/table.ts';
import { scenarioJsonSchema } from '../lab/scenario/json-schema.ts';
import { STEPS } from '../lab/steps/table.ts';
import { cell, table } from './markdown.ts';

/** docs/scenarios.md: the language, from its own schemas. */

interface Schema {
  type?: string | string[];
  description?: string;
  default?: unknown;
  enum?: unknown[];
  const?: unknown;
  pattern?: string;
  examples?: unknown[];
  anyOf?: Schema[];
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: Schema | boolean;
  items?: Schema;
  unit?: string;
  $ref?: string;
}

/** What a value is, in a word or two. */
function typeOf(schema: Schema): string {
  if (schema.$ref) return 'step';
  if (schema.const !== undefined) return `\`${schema.const}\``;
  if (schema.enum) return schema.enum.map((one) => `\`${one}\``).join(', ');
  if (schema.examples) return schema.examples.map((one) => `\`${one}\``).join(', ');
  if (Array.isArray(schema.type)) return schema.type.map((type) => typeOf({ type })).join(' or ');
  if (schema.anyOf) {
    const kinds = schema.anyOf.filter(({ pattern }) => !pattern?.includes('\\$')).map(typeOf);
    return [...new Set(kinds)].join(' or ');
  }
  if (schema.type === 'array') return `list of ${schema.items ? typeOf(schema.items) : 'anything'}`;
  if (schema.type === 'object') return 'map';
  return (
    { integer: 'whole number', string: 'text', boolean: 'true or false' }[schema.type ?? ''] ??
    schema.type ??
    'anything'
  );
}

/** The object among the ways in which a value can be written. */
function objectIn(schema: Schema): Schema | undefined {
  if (schema.properties) return schema;
  return schema.anyOf?.map(objectIn).find((found) => found !== undefined) ?? (schema.items && objectIn(schema.items));
}

function keys(schema: Schema | undefined, without: readonly string[] = []): string {
  const rows = Object.entries(schema?.properties ?? {})
    .filter(([key]) => !without.includes(key))
    .map(([key, inner]) => {
      const required = schema?.required?.includes(key) && inner.default === undefined;
      const given =
        inner.default === undefined || JSON.stringify(inner.default) === '{}'
          ? ''
          : `\`${JSON.stringify(inner.default)}\``;
      return [
        `\`${key}\``,
        typeOf(inner),
        required ? '**needed**' : given || '–',
        inner.description ?? inner.anyOf?.find(({ description }) => description)?.description ?? '',
      ];
    });
  return table(
    ['key', 'value', 'default', 'meaning'],
    rows.map((row) => row.map(cell)),
  );
}

const WHO = ['group', 'take', 'arrival', 'timeout', 'as'];

function stepSections(): string[] {
  return [...STEPS.values()].flatMap(({ verb, summary, example, schema }) => {
    const spec = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Schema;
    const common = verb === 'login' ? [] : WHO.filter((key) => spec.properties?.[key]);
    const own = Object.keys(spec.properties ?? {}).filter((key) => !common.includes(key));
    return [
      `### \`${verb}\``,
      summary,
      `\`\`\`yaml\n- ${example}\n\`\`\``,
      ...(own.length > 0 ? [keys(spec, common)] : []),
      ...(common.length > 0 ? [`Also ${common.map((key) => `\`${key}\``).join(', ')}: see [\`login\`](#login).`] : []),
    ];
  });
}

function figureRows(schema: Schema, prefix: string): string[][] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, inner]) => {
    const path = `${prefix}${key}`;
    if (path === 'groups' || path === 'steps') return [];
    const about = (text: string | undefined) => text ?? inner.description ?? '';
    if (inner.type === 'number' || inner.type === 'integer')
      return [[`\`${path}\``, inner.unit ?? 'count', about(undefined)]];
    if (typeof inner.additionalProperties === 'object') {
      const name = key === 'operations' ? '<verb>' : '<code>';
      const one = inner.additionalProperties;
      if (one.type === 'integer') return [[`\`${path}.${name}\``, 'count', about(undefined)]];
      return one.properties ? figureRows(one, `${path}.${name}.`) : [];
    }
    return inner.properties ? figureRows(inner, `${path}.`) : [];
  });
}

const INTRO = `A scenario is a YAML 1.2 file that asks one question. \`bin/lab validate FILE\` checks it without starting anything and shows every
mistake with its line and column. \`bin/lab schema\` prints its JSON Schema. An editor that knows the schema completes and checks as you type.
For VS Code's YAML extension, save the schema beside the file and begin the file with \`# yaml-language-server: $schema=scenario.schema.json\`.

[writing-scenarios.md](writing-scenarios.md) writes a first scenario, step by step. [glossary.md](glossary.md) explains the words.`;

const VARIABLES = `Anywhere below \`vars\`, \`\${name}\` stands for a variable. If it is the whole value, it has the type of the variable. Inside a text, it is
replaced by the variable's text. \`--var name=value\` sets the variable.`;

const STEPS_INTRO = `A step is a map with one key, the verb. Steps run one after another: the next step begins when all peers have finished the last one,
unless \`parallel\` or \`each\` says otherwise. If an operation fails, the failure is recorded and the run goes on. Expectations say whether it
matters. A step in which no peer has anything to do is a mistake.`;

const EXPECTATIONS = `An expectation is \`<figure> <comparison> <value>\`. Comparisons are \`==\`, \`!=\`, \`<\`, \`<=\`, \`>\`, \`>=\`. The value is in the unit of the
figure: a duration needs its unit (\`2s\`, \`500ms\`), a size may have one (\`10MiB\`), a rate is \`10MB/s\`, a ratio is \`0.9\` or \`90%\`. An unknown
figure is a mistake in the file, not a pass. If a figure is missing at the end (for example the latency of an operation that never
succeeded), the run is inconclusive.

\`\`\`yaml
expect:
  - transfers.failed == 0
  - operations.download.latency.p95 < 5s
  - groups.leechers.fairness.jain > 0.8
  - metrics.peerlab_transfers_total{outcome="failed"} == 0
  - {that: metrics.peerlab_directory_peers_online == 0, within: 5s}
  - {that: operations.login.failed == 0, abort: true}
\`\`\`

With \`within\`, the expectation has this time after the last step to become true. With \`abort\`, it is judged during the whole run, and the run ends as soon as it is
broken. Both, and the step \`expect\`, need a figure that is known during the run. Operations, transfers, fairness, failures and metrics are known then.
Integrity, the directory's precision and recall, and logs are not.`;

const SCOPES = `Figures with * also exist for a part of the run: \`groups.<group>.…\`, \`peers.<group>-<n>.…\`, and \`steps.<name>.…\` for a step with \`as: <name>\`.
There are more figures, for the whole run, a group or a peer:

- \`metrics.<name>{label="value"}\`: the sum of these series in the last scrape of each instance ([metrics.md](metrics.md) lists the names);
- \`logs.errors\`, \`logs.warnings\`, \`logs.matching("text")\`: lines in the logs.`;

const VERDICTS = `- **pass**: the run got to its end, something was done, every expectation holds and every built-in check passes.
- **fail**: an expectation or a check is broken.
- **inconclusive**: the lab or the machine could not give an answer that you can trust. For example, the engine went away, a figure is missing, the machine was
saturated, or cleanup left something. This never counts as a pass.

Each verdict has its reason in one sentence, and names the file to look into. See also [troubleshooting.md](troubleshooting.md).`;

export function languageReference(): string[] {
  const frame = scenarioJsonSchema() as Schema;
  const group = frame.properties?.groups?.additionalProperties as Schema;
  const share = objectIn(group.properties?.share as Schema);
  const figures = figureRows(z.toJSONSchema(resultSchema) as Schema, '').map(([path = '', unit = '', text = '']) => {
    const partial = /^`(operations|transfers|fairness|failures)\./.test(path);
    return [partial ? `${path} *` : path, unit, text];
  });
  return [
    INTRO,
    '## The file',
    keys(frame),
    VARIABLES,
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it shows what people write.
    '```yaml\nvars: {files: 10}\ngroups:\n  seeders: {count: 2, share: {files: "${files}", size: 64KiB..1MiB}}\n```',
    '`directory`:',
    keys(objectIn(frame.properties?.directory as Schema)),
    '## Groups',
    keys(group),
    '`limits`:',
    keys(objectIn(group.properties?.limits as Schema)),
    '### Shares',
    '`share` is one item or a list of them.',
    keys(share),
    '```yaml\nshare:\n  - {files: 10, size: 1MiB, copies: all}      # ten files, the same at every peer of the group\n  - {from: ../docs, include: "*.md"}           # real files\n```',
    '## Steps',
    STEPS_INTRO,
    ...stepSections(),
    '## Expectations',
    EXPECTATIONS,
    '### Figures',
    table(
      ['figure', 'unit', 'meaning'],
      figures.map((row) => row.map(cell)),
    ),
    SCOPES,
    '## Checks that are always on',
    table(
      ['check', 'asks'],
      CHECKS.map(({ name, question }) => [name, question]),
    ),
    'The directory has some time: what a peer received may take 2 s to be published. Logout ends an entry at once.',
    '## Verdicts',
    VERDICTS,
  ];
}
