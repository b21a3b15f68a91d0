import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { resultSchema } from './checks/result-schema.ts';
import { LAB, startLab } from './end-to-end.ts';
import { suiteResultSchema } from './suite/suite-result.ts';

/** What `bin/lab suite` prints for whom, and what `bin/lab report` makes of it again. */

/** A suite of one scenario that is kept and one that is not. */
function writeSuite(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'peerlab-suite-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const scenario = (name: string, expected: number) =>
    writeFileSync(
      path.join(folder, `${name}.yaml`),
      `name: ${name}\ndescription: d\ngroups: {s: {}}\nsteps: [{login: all}]\nexpect: [operations.login.ok == ${expected}]\n`,
    );
  scenario('good', 1);
  scenario('one-of-a-long-name', 7);
  writeFileSync(
    path.join(folder, 'mine.yaml'),
    'name: mine\ndescription: d\nscenarios: [./good.yaml, ./one-of-a-long-name.yaml]\n',
  );
  return path.join(folder, 'mine.yaml');
}

function suite(...options: string[]) {
  const results = mkdtempSync(path.join(tmpdir(), 'peerlab-suite-results-'));
  onTestFinished(() => rmSync(results, { recursive: true, force: true }));
  const words = ['suite', writeSuite(), '--driver', 'process', '--results', results, ...options];
  const { stdout, stderr, status } = spawnSync(LAB, words, { encoding: 'utf8' });
  return { stdout, stderr, status, results, folder: path.join(results, 'suite-mine') };
}

const again = (folder: string, env: NodeJS.ProcessEnv = {}) =>
  spawnSync(LAB, ['report', folder], { encoding: 'utf8', env: { ...process.env, ...env } });

test('--json: nothing on stdout but suite.json; report makes all that was made of it again', () => {
  const { stdout, status, results, folder } = suite('--json');
  expect(status).toBe(1);
  expect(stdout.trim().split('\n')).toHaveLength(1);
  const said = suiteResultSchema.parse(JSON.parse(stdout));
  expect(said).toMatchObject({
    ...{ name: 'mine', verdict: 'fail' },
    lines: [
      { name: 'good', outcome: 'ok' },
      { name: 'one-of-a-long-name', outcome: 'failed' },
    ],
  });
  expect(JSON.parse(readFileSync(path.join(folder, 'suite.json'), 'utf8'))).toEqual(said);
  const resultFile = (n: number) => path.join(results, said.lines[n]?.runId ?? '', 'result.json');
  expect(resultSchema.parse(JSON.parse(readFileSync(resultFile(1), 'utf8')))).toMatchObject({ verdict: 'fail' });

  const made = ['suite.json', 'junit.xml', 'summary.md', 'report.html'].map((name) => path.join(folder, name));
  const texts = () => made.map((file) => readFileSync(file, 'utf8'));
  const before = texts();
  for (const file of made.slice(1)) rmSync(file);
  const reported = again(folder);
  expect(reported.status, reported.stderr).toBe(1);
  expect(texts()).toEqual(before);
  expect(reported.stdout).toMatch(/^✔ good +ok +\d/m);
  expect(reported.stdout).toMatch(/^Look next at\n {2}1\. one-of-a-long-name: .*\/report\.html$/m);

  // What was well, and can't be read any more, is not well.
  rmSync(resultFile(0));
  rmSync(path.dirname(resultFile(1)), { recursive: true });
  const lost = again(folder);
  expect(lost.status, lost.stderr).toBe(75);
  expect(lost.stdout.match(/^\? .*inconclusive .* its results can't be read any more/gm)).toHaveLength(2);
  expect(readFileSync(path.join(folder, 'junit.xml'), 'utf8')).toContain('errors="2"');
  writeFileSync(path.join(folder, 'suite.json'), '{}');
  expect(again(folder)).toMatchObject({ status: 75, stderr: expect.stringContaining('suite.json') });
});

test('--quiet: what is not well, the verdict, and where the results are', () => {
  const { stdout, status, folder } = suite('--quiet');
  expect(stdout.split('\n')).toEqual([
    expect.stringMatching(/^✘ one-of-a-long-name failed +\d.*operations\.login\.ok == 7/),
    expect.stringMatching(/^FAIL: 2 scenarios: 1 ok, 1 failed; /),
    `Results: ${folder}`,
    `Report:  ${folder}/report.html`,
    '',
  ]);
  expect(status).toBe(1);
});

test('--ui: one page for all of its runs, which ends with the suite', async () => {
  const { says, said, ended } = startLab(['suite', writeSuite(), '--driver', 'process', '--ui']);
  await says('Live page: ');
  await says('mine 1/2');
  const [, url = ''] = /^Live page: (\S+)$/m.exec(said()) ?? [];
  expect(await (await fetch(`${url}runs.json`)).json()).toMatchObject({ runs: expect.any(Array) });
  const { code, output } = await ended;
  expect(code, output).toBe(1);
  expect(output.match(new RegExp(`^Live page: ${url}runs/[0-9a-f]+$`, 'gm'))).toHaveLength(2);
  await expect(fetch(`${url}runs.json`)).rejects.toThrow();
});

test('lines of a suite stand under each other, and are coloured where that is welcome', () => {
  const { stdout, folder } = suite();
  expect(stdout).not.toContain('\u001b');
  const coloured = again(folder, { FORCE_COLOR: '1', NO_COLOR: undefined }).stdout;
  expect(coloured).toContain('\u001b[31m✘\u001b[39m');
  const plain = again(folder, { FORCE_COLOR: undefined, NO_COLOR: '1' }).stdout;
  expect(stripVTControlCharacters(coloured)).toBe(plain);
  expect(stdout).toContain(plain);
  const ends = [...plain.matchAll(/^[✔✘] \S+ +(?:ok|failed) +/gm)].map(([before]) => before.length);
  expect(ends).toEqual([ends[0], ends[0]]);
});
