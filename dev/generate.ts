import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { resultSchema } from '../lab/checks/result-schema.ts';
import { RULE_IDS, RULES, type Rule } from '../lab/conformance/rules.ts';
import { scenarioJsonSchema } from '../lab/scenario/json-schema.ts';
import { suiteResultSchema } from '../lab/suite/suite-result.ts';
import { DIRECTORY, type Endpoint } from '../proto/directory-api.ts';
import {
  DIRECTORY_ENV,
  type EnvSpec,
  HOST_ENV,
  KEEPER_ENV,
  KUBERNETES_ENV,
  LAY_ENV,
  PEER_ENV,
  SERVE_ENV,
  STANDING_ENV,
  STATUS_ENV,
} from '../proto/env.ts';
import { ERRORS, type ErrorKind } from '../proto/errors.ts';
import { METRICS, type MetricSpec } from '../proto/metrics.ts';
import { PROMISES } from '../proto/promises.ts';
import { languageReference } from './language-reference.ts';
import { cell, page, table, withMade } from './markdown.ts';
import { filesTable, resultsPage } from './results-page.ts';
import { roomsTable } from './rooms/map.ts';
import { ROOMS } from './rooms/table.ts';

/**
 * Makes every generated file: `node dev/generate.ts` writes them, `--check` compares and fails when one is stale.
 */

const root = path.resolve(import.meta.dirname, '..');

/** The types of the wire; options as in proto/peer.ts. */
function wireTypes(): Record<string, string> {
  const folder = mkdtempSync(path.join(tmpdir(), 'peerlab-generate-'));
  try {
    const options = [
      '--longs=Number',
      '--defaults',
      '--oneofs',
      '--includeComments',
      '--grpcLib=@grpc/grpc-js',
      '--importFileExtension=.ts',
    ];
    const generator = path.join(root, 'node_modules/.bin/proto-loader-gen-types');
    execFileSync(generator, [...options, `--outDir=${folder}`, 'proto/peer.proto'], {
      cwd: root,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    return Object.fromEntries(
      readdirSync(folder).map((file) => [`proto/generated/${file}`, readFileSync(path.join(folder, file), 'utf8')]),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function metricsPage(): string {
  const rows = (at: MetricSpec['at']) =>
    Object.entries<MetricSpec>(METRICS)
      .filter(([, spec]) => spec.at === at)
      .map(([name, { kind, labels, help }]) => [`\`${name}\``, kind, labels.join(', ') || '–', help]);
  const head = ['metric', 'kind', 'labels', 'meaning'];
  return page(
    'Metrics',
    'proto/metrics.ts',
    'Each program answers `GET /metrics` in the Prometheus text format, without a token. Durations are in seconds, and sizes are in bytes.',
    '## A peer, at its control port',
    table(
      head,
      rows('peer').map((row) => row.map(cell)),
    ),
    '## The directory',
    table(
      head,
      rows('directory').map((row) => row.map(cell)),
    ),
  );
}

function environmentPage(): string {
  const rows = (specs: Record<string, EnvSpec>) =>
    Object.entries(specs).map(([name, { type, default: value, optional, secret, help }]) => [
      `\`${name}\``,
      secret ? `${type}, secret` : type,
      value === undefined ? (optional ? 'none' : '**must be set**') : `\`${value}\``,
      help,
    ]);
  const head = ['variable', 'type', 'default', 'meaning'];
  return page(
    'Settings',
    'proto/env.ts',
    'The programs read their settings from the environment. An empty variable counts as unset. If settings are missing or wrong, the program names all of them at the start, and ends with exit code 64.',
    '## Peer',
    table(
      head,
      rows(PEER_ENV).map((row) => row.map(cell)),
    ),
    '## Many peers in one process',
    "With `PEER_HOSTED` set, the peer's program hosts all peers of a list. Each peer then has its own settings from the table above, in its `env` in that list.",
    table(
      head,
      rows(HOST_ENV).map((row) => row.map(cell)),
    ),
    '## Directory',
    table(
      head,
      rows(DIRECTORY_ENV).map((row) => row.map(cell)),
    ),
    '## Peers that stand in a cluster',
    'The lab, with `--driver standing`:',
    table(
      head,
      rows(STANDING_ENV).map((row) => row.map(cell)),
    ),
    "The keeper of a peer (`node lab/keeper/main.ts serve -- COMMAND …`). It also reads the peer's `PEER_HOST`, `PEER_CONTROL_PORT`, `PEER_ADVERTISE` and `PEER_SHARE_DIR`:",
    table(
      head,
      rows(KEEPER_ENV).map((row) => row.map(cell)),
    ),
    'What fills a share (`node lab/keeper/main.ts lay`), together with `PEER_SHARE_DIR`:',
    table(
      head,
      rows(LAY_ENV).map((row) => row.map(cell)),
    ),
    '## Kubernetes',
    'The lab, with `--driver kubernetes`:',
    table(
      head,
      rows(KUBERNETES_ENV).map((row) => row.map(cell)),
    ),
    '## Status page',
    'Of `lab/status/main.ts`, the page of a network that stands, and of labs that report to it ([classroom.md](classroom.md)).',
    table(
      head,
      rows(STATUS_ENV).map((row) => row.map(cell)),
    ),
    '## Live page',
    'Of `bin/lab serve` ([page.md](page.md)).',
    table(
      head,
      rows(SERVE_ENV).map((row) => row.map(cell)),
    ),
  );
}

function deadlinesTable(): string {
  return table(
    ['what', 'within', 'kept by'],
    Object.values(PROMISES).map(({ is, ms, keptBy }) => [is, `${ms / 1000} s`, keptBy]),
  );
}

/** Each rule of the contract with a link to the heading that explains it. */
function rulesTable(): string {
  const anchor = (heading: string) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, '')
      .replaceAll(' ', '-');
  const rows = RULE_IDS.map((id) => {
    const { level, section, is }: Rule = RULES[id];
    return [`\`${id}\``, level, cell(is), `[${section.replaceAll('*', '')}](#${anchor(section)})`];
  });
  return table(['rule', 'level', 'a peer that keeps it', 'explained in'], rows);
}

function errorsPage(): string {
  const rows = Object.entries<ErrorKind>(ERRORS).map(([code, { http, grpc, exit, definite, meaning, next }]) => [
    `\`${code}\``,
    String(http),
    String(grpc),
    exit === undefined ? '–' : String(exit),
    definite ? 'yes' : 'no',
    meaning,
    next,
  ]);
  return page(
    'Errors',
    'proto/errors.ts',
    'Every error has a stable code. A REST answer carries it as `{"error": {"code", "message", "hint"}}`. A gRPC call ends with the status, and has the code in the trailing metadata `peerlab-error`. The lab prints the error and ends with the exit code.',
    '*Definite* means: the operation certainly did not take effect. If an error is not definite, the operation may have taken effect.',
    table(
      ['code', 'HTTP', 'gRPC', 'exit', 'definite', 'meaning', 'what to do next'],
      rows.map((row) => row.map(cell)),
    ),
  );
}

/** The first table of docs/directory-api.md, each path with a link to its chapter there. */
function endpointsTable(): string {
  const rows = Object.values<Endpoint>(DIRECTORY).map(({ path: url, methods, token, does }) => [
    `[\`${url}\`](#${url.slice(1)})`,
    methods.join(', '),
    token ? 'yes' : 'no',
    does,
  ]);
  return table(['endpoint', 'method', 'token', 'does'], rows);
}

const readPage = (file: string) => readFileSync(path.join(root, file), 'utf8');

const generated: Record<string, string> = {
  'ARCHITECTURE.md': withMade(readPage('ARCHITECTURE.md'), 'dev/rooms/table.ts', roomsTable(ROOMS)),
  'docs/directory-api.md': withMade(readPage('docs/directory-api.md'), 'proto/directory-api.ts', endpointsTable()),
  'docs/peer-contract.md': withMade(
    withMade(readPage('docs/peer-contract.md'), 'proto/promises.ts', deadlinesTable()),
    'lab/conformance/rules.ts',
    rulesTable(),
  ),
  ...wireTypes(),
  'docs/metrics.md': metricsPage(),
  'docs/environment.md': environmentPage(),
  'docs/errors.md': errorsPage(),
  'docs/scenarios.md': page(
    'The language of scenarios',
    'lab/scenario, lab/steps and lab/checks',
    ...languageReference(),
  ),
  'docs/results.md': resultsPage(),
  'README.md': withMade(readPage('README.md'), 'lab/history/result-files.ts', filesTable()),
  'docs/scenario.schema.json': `${JSON.stringify(scenarioJsonSchema(), null, 2)}\n`,
  'docs/result.schema.json': `${JSON.stringify(z.toJSONSchema(resultSchema), null, 2)}\n`,
  'docs/suite-result.schema.json': `${JSON.stringify(z.toJSONSchema(suiteResultSchema), null, 2)}\n`,
};

const read = (file: string) => {
  try {
    return readFileSync(path.join(root, file), 'utf8');
  } catch {
    return undefined;
  }
};
const stale = Object.keys(generated).filter((file) => read(file) !== generated[file]);
if (process.argv.includes('--check')) {
  if (stale.length > 0) process.stderr.write(`stale, run make generate: ${stale.join(', ')}\n`);
  process.exitCode = stale.length > 0 ? 1 : 0;
} else {
  for (const file of stale) writeFileSync(path.join(root, file), generated[file] as string);
  process.stdout.write(stale.length > 0 ? `written: ${stale.join(', ')}\n` : 'all current\n');
}
