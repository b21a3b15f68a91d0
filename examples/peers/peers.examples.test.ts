import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';

/** The example peers, each as a newcomer would try it: by the commands of README.md. */

const at = (file: string) => path.join(import.meta.dirname, file);
const LAB = at('../../bin/lab');
const PEERS = {
  python: `${at('python/.venv/bin/python')} ${at('python/peer.py')}`,
  go: at('go/peer'),
  typescript: `${process.execPath} ${at('typescript/peer.ts')}`,
};
const results = mkdtempSync(path.join(tmpdir(), 'examples-'));
afterAll(() => rmSync(results, { recursive: true }));

function lab(name: string, args: string[]): Promise<{ code: number; output: string; folder: string }> {
  const into = path.join(results, name);
  return new Promise((resolve) => {
    execFile(LAB, [...args, '--driver', 'process', '--results', into], (error, stdout, stderr) => {
      const [folder = ''] = readdirSync(into).filter((one) => one !== 'latest');
      resolve({ code: error ? Number(error.code) : 0, output: stdout + stderr, folder: path.join(into, folder) });
    });
  });
}

test.concurrent.each(Object.entries(PEERS))(
  'the peer in %s keeps every must, and breaks no should',
  {
    timeout: 240_000,
  },
  async (language, command) => {
    const { code, output, folder } = await lab(language, ['conformance', '--peer-image', command]);
    const { rules } = JSON.parse(readFileSync(path.join(folder, 'conformance.json'), 'utf8')) as {
      rules: { id: string; group: string; level: string; outcome: string }[];
    };
    expect(rules.filter(({ outcome }) => outcome === 'broken' || outcome === 'not seen')).toEqual([]);
    // docs/course sends its readers here for chapters 0 to 3.
    const left = rules.filter(({ outcome }) => outcome === 'not brought').map(({ group }) => group);
    expect(['batches', 'swarm', 'tickets', 'trees', 'upload']).toEqual(expect.arrayContaining(left));
    expect(code, output).toBe(0);
  },
);

test.each(Object.entries(PEERS))(
  'basic passes with nothing but peers in %s',
  {
    timeout: 120_000,
  },
  async (language, command) => {
    const { code, output } = await lab(`basic-${language}`, ['run', 'basic', '--peer-image', command]);
    expect(code, output).toBe(0);
  },
);

test('peers in four languages fetch everything from each other', { timeout: 120_000 }, async () => {
  const programs = Object.entries(PEERS).flatMap(([language, command]) => ['--var', `${language}=${command}`]);
  const { code, output } = await lab('babel', ['run', at('babel.yaml'), ...programs]);
  expect(code, output).toBe(0);
});
