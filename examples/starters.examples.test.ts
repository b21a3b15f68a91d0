import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';

/** The beginnings of peers that `lab new-peer` lays down, as their README.md has it: the first chapter is green, the second says why not. */

const LAB = path.resolve(import.meta.dirname, '../bin/lab');
const STARTERS = [
  { language: 'python', command: 'python3 peer.py' },
  { language: 'typescript', command: `${process.execPath} peer.ts` },
  { language: 'go', command: './peer', build: ['go', 'build', '-o', 'peer', '.'] },
  { language: 'java', command: 'java -cp . Peer', build: ['javac', 'Peer.java'] },
];
const root = mkdtempSync(path.join(tmpdir(), 'starters-'));
afterAll(() => rmSync(root, { recursive: true }));

const isHere = ([program = 'true']: readonly string[] = []) =>
  spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;

/** @returns the exit code, and the rules that were broken */
function chapter(number: number, folder: string, command: string) {
  const results = path.join(folder, `results-${number}`);
  const args = ['conformance', '--driver', 'process', '--chapter', `${number}`, '--results', results];
  return new Promise<{ code: number; output: string; broken: { id: string; hint: string }[] }>((resolve) => {
    execFile(LAB, [...args, '--peer-image', command], { cwd: folder }, (error, stdout, stderr) => {
      const [run = ''] = readdirSync(results);
      const { rules } = JSON.parse(readFileSync(path.join(results, run, 'conformance.json'), 'utf8')) as {
        rules: { id: string; outcome: string; hint: string }[];
      };
      const broken = rules.filter(({ outcome }) => outcome === 'broken');
      resolve({ code: error ? Number(error.code) : 0, output: stdout + stderr, broken });
    });
  });
}

for (const { language, command, build } of STARTERS) {
  const why = isHere(build) ? '' : ` (skipped: no ${build?.[0]} here)`;
  test.skipIf(why)(
    `in ${language}: chapter 0 is green, and chapter 1 says what comes next${why}`,
    {
      timeout: 120_000,
    },
    async () => {
      const folder = path.join(root, language);
      execFileSync(LAB, ['new-peer', language, folder]);
      const page = readFileSync(path.join(folder, 'README.md'), 'utf8');
      const asked = command.replace(process.execPath, 'node');
      for (const number of [0, 1])
        expect(page).toContain(`\nlab conformance --driver process --chapter ${number} --peer-image '${asked}'\n`);
      if (build) expect(page).toContain(`\n${build.join(' ')}\n`);
      if (build) execFileSync(build[0] as string, build.slice(1), { cwd: folder });
      const first = await chapter(0, folder, command);
      expect(first.code, first.output).toBe(0);
      const next = await chapter(1, folder, command);
      expect(next.code, next.output).toBe(1);
      expect(next.broken.map(({ id }) => id)).toEqual(['settings.place', 'control.login']);
      expect(next.output).toMatch(/hint: +\S/);
    },
  );
}
