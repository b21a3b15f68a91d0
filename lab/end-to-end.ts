import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { XMLParser } from 'fast-xml-parser';
import { expect, onTestFinished, test } from 'vitest';
import { resultSchema } from './checks/result-schema.ts';
import { operationEvent } from './history/events.ts';
import { having, parsePrometheusText, sumOf } from './metrics/prometheus-text.ts';

/** What the lab as a program must do on every driver: the suite that main.test.ts and main.docker.test.ts run. */

/** Without one of these first, arguments are those of `run`. */
const COMMANDS = new Set(['suite']);

export const LAB = fileURLToPath(new URL('../bin/lab', import.meta.url));

interface Ended {
  readonly code: number | null;
  readonly output: string;
  /** The folder of the run, if there was one. */
  readonly run: string | undefined;
}

interface Started {
  readonly child: ChildProcess;
  readonly results: string;
  /** Resolves when the output has this text. */
  says(text: string): Promise<void>;
  /** Its output so far. */
  said(): string;
  readonly ended: Promise<Ended>;
}

/** Starts `bin/lab run` with results in a folder of its own, or in one that is given. */
export function startLab(args: string[], env: NodeJS.ProcessEnv = {}, given?: string): Started {
  const results = given ?? mkdtempSync(path.join(tmpdir(), 'peerlab-e2e-'));
  const [command = 'run', ...rest] = COMMANDS.has(args[0] ?? '') ? args : ['run', ...args];
  const child = spawn(LAB, [command, ...rest, '--results', results], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
    if (given === undefined) rmSync(results, { recursive: true, force: true });
  });
  let output = '';
  const listeners = new Set<() => void>();
  const hear = (part: Buffer) => {
    output += part;
    for (const listener of listeners) listener();
  };
  child.stdout.on('data', hear);
  child.stderr.on('data', hear);
  const ended = new Promise<Ended>((resolve) => {
    child.on('close', (code) => {
      // A test that was given up has removed them already, and its own reason is to be read, not this one.
      const [run] = (existsSync(results) ? readdirSync(results) : []).filter((name) => name !== 'latest');
      resolve({ code, output, run: run && path.join(results, run) });
      for (const listener of listeners) listener();
    });
  });
  const says = (text: string) =>
    new Promise<void>((resolve, reject) => {
      const look = () => {
        if (output.includes(text)) resolve();
        else if (child.exitCode !== null) reject(new Error(`the lab ended without saying "${text}":\n${output}`));
      };
      listeners.add(look);
      look();
    });
  return { child, results, says, said: () => output, ended };
}

export const resultOf = (run: string | undefined) =>
  resultSchema.parse(JSON.parse(readFileSync(path.join(run as string, 'result.json'), 'utf8')));

/** A scenario of two peers; `steps` and `expect` as YAML lists, `leecher` what the second peer has, as YAML. */
export function writeScenario(steps: string, expectations: string, leecher = '{}'): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'peerlab-scenario-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = path.join(folder, 'try.yaml');
  const text = `name: try\ndescription: Does it?\ngroups:\n  s: {share: {files: 2, size: 100KiB}}\n  l: ${leecher}\nsteps: ${steps}\nexpect: ${expectations}\n`;
  writeFileSync(file, text);
  return file;
}

/**
 * What is on this host now and was not before, a line each; things that carry the id of another run are left out, so that a
 * lab may run beside the tests. `run` is the results folder of the run that must have left nothing.
 */
export function leftBy(run: string | undefined, before: readonly string[], after: readonly string[]): string[] {
  const own = path.basename(run ?? '');
  return after.filter((thing) => !before.includes(thing) && (RUN_ID.exec(thing)?.[1] ?? own) === own);
}

/** Of a run of the lab, or (with a `t`) of the drivers' contract. */
const RUN_ID = /(?:peerlab-|PEERLAB_RUN=)(t?[0-9a-f]{10})/;

/**
 * @param snapshot what is on this host, a line each: containers, networks, volumes; or processes and folders
 */
export function describeLab(driver: string, snapshot: () => Promise<string[]>): void {
  const lab = (...args: string[]) => startLab([...args, '--driver', driver]);
  const slow = '[{login: all}, {wait: 60s}, {logout: all}]';

  test('basic passes; its files agree with each other and with the metrics; nothing is left', async () => {
    const before = await snapshot();
    const { code, output, run } = await lab('basic').ended;
    expect(output.split('\n')[0]).toMatch(new RegExp(`^Driver: ${driver} \\(.+\\)$`));
    expect(code, output).toBe(0);
    const result = resultOf(run);
    expect(result).toMatchObject({
      verdict: 'pass',
      driver,
      peers: 4,
      integrity: { verified: 24, mismatched: 0 },
      leftovers: [],
      transfers: { count: 24, ok: 24, failed: 0 },
    });
    expect(result.transfers.throughputBytesPerSecond?.p50).toBeGreaterThan(0);

    const folder = run as string;
    const events = readFileSync(path.join(folder, 'events.ndjson'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => operationEvent.parse(JSON.parse(line)));
    expect(events).toHaveLength(Object.values(result.operations).reduce((sum, { count }) => sum + count, 0));
    for (const { bytes, sources } of events) expect(sources.reduce((sum, source) => sum + source.bytes, 0)).toBe(bytes);
    const scrapes = readdirSync(path.join(folder, 'metrics')).filter((file) => file.endsWith('.prom'));
    const counted = (direction: string) =>
      scrapes.reduce(
        (sum, file) =>
          sum +
          (sumOf(
            parsePrometheusText(readFileSync(path.join(folder, 'metrics', file), 'utf8')),
            'peerlab_transfer_bytes_total',
            having({ direction }),
          ) ?? 0),
        0,
      );
    expect(scrapes).toHaveLength(5);
    expect(counted('received')).toBe(result.transfers.bytes);
    // Who was told to stop, because another was faster, had bytes under way; all others agree to the byte ("bytes agree" has each by itself).
    const wasCut = events.some(({ sources }) => sources.some(({ cut }) => cut));
    if (wasCut) expect(counted('sent')).toBeGreaterThanOrEqual(result.transfers.bytes);
    else expect(counted('sent')).toBe(result.transfers.bytes);

    const suite = new XMLParser({ ignoreAttributes: false }).parse(readFileSync(path.join(folder, 'junit.xml'), 'utf8'))
      .testsuites.testsuite;
    expect([suite['@_failures'], suite['@_errors']]).toEqual(['0', '0']);
    expect(readFileSync(path.join(folder, 'report.html'), 'utf8')).toContain('<title>basic: pass</title>');
    for (const instance of ['directory', 'seeders-1', 'seeders-2', 'leechers-1', 'leechers-2']) {
      expect(readFileSync(path.join(folder, 'logs', `${instance}.log`), 'utf8')).toContain('ready');
    }
    expect(leftBy(run, before, await snapshot())).toEqual([]);
  });

  test('upload passes', async () => {
    const { code, output } = await lab('upload').ended;
    expect(code, output).toBe(0);
  });

  test('an expectation that does not hold: exit 1, named, nothing left', async () => {
    const before = await snapshot();
    const { code, output, run } = await lab(
      writeScenario('[{login: all}, {download: l}, {logout: all}]', '[transfers.ok == 3]'),
    ).ended;
    expect(code, output).toBe(1);
    expect(output).toContain('transfers.ok == 3');
    expect(resultOf(run)).toMatchObject({ verdict: 'fail', expectations: [{ actual: 2, ok: false }] });
    expect(leftBy(run, before, await snapshot())).toEqual([]);
  });

  test('Ctrl-C once: a report of what was done, exit 130, nothing left', async () => {
    const before = await snapshot();
    const { child, says, ended } = lab(writeScenario(slow, '[operations.login.failed == 0]'));
    await says('Step 1/3: login all: 2 ok');
    child.kill('SIGINT');
    const { code, output, run } = await ended;
    expect(code, output).toBe(130);
    expect(resultOf(run)).toMatchObject({ verdict: 'inconclusive', operations: { login: { ok: 2 } }, leftovers: [] });
    expect(readdirSync(path.join(run as string, 'logs'))).toHaveLength(3);
    expect(leftBy(run, before, await snapshot())).toEqual([]);
  });

  test('Ctrl-C twice: at once, exit 130, nothing left', async () => {
    const before = await snapshot();
    const { child, says, ended } = lab(writeScenario(slow, '[operations.login.failed == 0]'));
    await says('Step 1/3: login all: 2 ok');
    child.kill('SIGINT');
    await says('Interrupted');
    child.kill('SIGINT');
    const { code, output, run } = await ended;
    expect(code, output).toBe(130);
    expect(leftBy(run, before, await snapshot())).toEqual([]);
  });

  test('Ctrl-C while peers start: nothing left', async () => {
    const before = await snapshot();
    const { child, says, ended } = lab('concurrent');
    await says('Start the directory (');
    child.kill('SIGINT');
    const { code, output, run } = await ended;
    expect(code, output).toBe(130);
    expect(leftBy(run, before, await snapshot())).toEqual([]);
  });
}
