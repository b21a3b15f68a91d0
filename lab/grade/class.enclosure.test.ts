import { execFile } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { childrenOf } from '../machine/proc.ts';

/** A class of ten, five of them hostile: each gets what it deserves, twice the same, and has seen nothing of the others. */

const ROOT = path.resolve(import.meta.dirname, '../..');
const LAB = path.join(ROOT, 'bin/lab');
const PEER = path.join(ROOT, 'lab/conformance/testing/variant-peer.ts');
const folder = mkdtempSync(path.join(tmpdir(), 'class-'));
const canary = createServer((_, answer) => void answer.end('here'));
const at = (...names: string[]) => path.join(folder, ...names);

/** A good peer, and beside it what stands here. */
const beside = (more: string) => `process.argv[2] = 'none'; ${more}\nawait import('${PEER}');\n`;
const HOSTILE = {
  'fills-disk': beside(`
    import { writeFileSync } from 'node:fs';
    const fill = (n) => {
      try { writeFileSync(process.env.PEER_SHARE_DIR + '/fill-' + n, Buffer.alloc(8 * 1024 * 1024)); } catch { return; }
      setImmediate(fill, n + 1);
    };
    fill(0);`),
  'fills-memory': beside(`
    const all = [];
    setInterval(() => all.push(Buffer.alloc(64 * 1024 * 1024, 1)), 10);`),
  'says-ok': `
    import { createServer } from 'node:http';
    createServer((_, answer) => answer.end('{"ok":true}')).listen(process.env.PEER_CONTROL_PORT, process.env.PEER_HOST);`,
  spies: beside(`
    import { execFileSync } from 'node:child_process';
    import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
    const tried = {};
    const attempt = async (what, act) => { tried[what] = await Promise.resolve().then(act).then(() => 'done', () => 'failed'); };
    for (const file of SECRETS) await attempt(file, () => readFileSync(file));
    await attempt('the lab', () => { process.kill(process.ppid === 1 ? 2 : process.ppid, 0); });
    await attempt('the network', () => fetch('http://127.0.0.1:' + CANARY));
    await attempt('a write to another', () => { writeFileSync(SECRETS[0], 'x'); });
    await attempt('a write to what it may read', () => { writeFileSync(SEEN + '/x', 'x'); });
    await attempt('a write to its own folder', () => { writeFileSync('x', 'x'); });
    await attempt('a user namespace', () => { execFileSync('unshare', ['--user', 'true'], { stdio: 'ignore' }); });
    const others = readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name)).map((pid) => readFileSync('/proc/' + pid + '/cmdline', 'utf8'));
    tried.lab = others.some((line) => line.includes('inside.ts') || line.includes('start.ts')) ? 'done' : 'failed';
    console.error('TRIED ' + JSON.stringify(tried));`),
};

function submit(name: string, command: string, files: Record<string, string> = {}): void {
  mkdirSync(at('class', name), { recursive: true });
  for (const [file, content] of Object.entries({ ...files, 'peer.command': command }))
    writeFileSync(at('class', name, file), content);
}

beforeAll(async () => {
  await new Promise<void>((resolve) => canary.listen(0, '127.0.0.1', resolve));
  const { port } = canary.address() as AddressInfo;
  const secrets = [at('class/ann/secret'), at('rubric.yaml'), at('hidden.yaml'), at('results'), '/etc/shadow'];
  // Everybody may write there: what keeps a submission from it is the cage.
  mkdirSync(at('seen'));
  chmodSync(at('seen'), 0o777);
  const node = `${process.execPath} ${PEER}`;
  submit('ann', `${node} none`, { secret: 'a solution' });
  submit('bob', `${node} none`);
  submit('cyd', `${node} none`);
  submit('dee', `${node} no-token`);
  submit('eve', `${node} drops-head`);
  for (const [name, code] of Object.entries(HOSTILE)) {
    const given = `const SECRETS = ${JSON.stringify(secrets)}, CANARY = ${port}, SEEN = '${at('seen')}';\n`;
    submit(name, `${process.execPath} peer.mjs`, { 'peer.mjs': given + code });
  }
  submit('forks', 'sh bomb.sh', { 'bomb.sh': 'bomb() { bomb | bomb & }\nbomb\nsleep 1000\n' });
  const late = new Date('2026-01-02T11:00:00Z');
  for (const name of ['ann', 'cyd']) {
    for (const file of readdirSync(at('class', name)))
      utimesSync(at('class', name, file), late, name === 'cyd' ? late : new Date('2026-01-01T11:00:00Z'));
  }
  writeFileSync(at('hidden.yaml'), HIDDEN);
  writeFileSync(at('rubric.yaml'), rubric());
  writeFileSync(at('times.csv'), TIMES);
});

afterAll(() => {
  canary.close();
  rmSync(folder, { recursive: true });
});

const HIDDEN = `
name: hidden
description: Do two files arrive?
groups: {seeders: {count: 1, double: byzantine-peer, share: {files: 2, size: 64KiB}}, leechers: {count: 1}}
steps: [{login: all}, {download: leechers}]
expect: [transfers.failed == 0]
`;
const ON_TIME = ['ann', 'bob', 'dee', 'eve', 'forks', ...Object.keys(HOSTILE)];
const TIMES = `${ON_TIME.map((name) => `${name},2026-01-01T11:00:00Z`).join('\n')}\ncyd,2026-01-02T11:00:00Z\n`;
const rubric = () => `
name: ten
command: nothing
deadline: 2026-01-01T12:00:00Z
late: {percentPerDay: 50, days: 1}
see: ["${ROOT}", "${path.dirname(process.execPath)}", "${at('seen')}"]
limits: {seconds: 240, diskMiB: 128, memoryMiB: 1024, fileMiB: 64, processes: 128}
items:
  - {title: control, rules: [control.health, control.token, control.login, control.unknown], points: 4}
  - {title: serves, rules: [download.whole, download.absent], points: 4, partial: false}
  - {scenario: hidden.yaml, hidden: true, points: 2}
`;

interface Graded {
  readonly name: string;
  readonly points?: number;
  readonly daysLate: number;
  readonly items: { points: number }[];
  readonly remarks: string[];
}

/** @returns the grades by name, and the folder that they are in */
async function graded(
  ...more: string[]
): Promise<{ folder: string; code: number; output: string; of: Map<string, Graded> }> {
  const results = mkdtempSync(at('results-'));
  const args = ['grade', at('class'), '--rubric', at('rubric.yaml'), '--times', at('times.csv'), '--results', results];
  const { code, output } = await new Promise<{ code: number; output: string }>((resolve) => {
    execFile(LAB, [...args, ...more], (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, output: stdout + stderr }),
    );
  });
  const [one = ''] = readdirSync(results);
  const { grades } = JSON.parse(readFileSync(path.join(results, one, 'grades.json'), 'utf8')) as { grades: Graded[] };
  return { folder: path.join(results, one), code, output, of: new Map(grades.map((grade) => [grade.name, grade])) };
}

describe('a class of ten', () => {
  let first: Awaited<ReturnType<typeof graded>>;
  beforeAll(async () => {
    first = await graded('--jobs', '3');
  }, 400_000);
  const points = (name: string) => first.of.get(name)?.points;

  it.each([
    ['ann', 10, 'keeps all'],
    ['bob', 10, 'keeps all'],
    ['cyd', 5, 'keeps all, a day late'],
    ['dee', 9, 'asks for no token: a part of the rules, a part of the points'],
    ['eve', 6, 'sends what is wrong: no part of what is all or nothing'],
    ['says-ok', 1, 'answers, and does nothing'],
    ['forks', 0, 'never gets ready'],
    ['spies', 10, 'is a good peer otherwise'],
  ])('%s gets %d: %s', (name, expected) => {
    expect(points(name), first.output).toBe(expected);
  });

  it('who takes too much is named', () => {
    expect(first.of.get('fills-disk')?.remarks.join()).toContain('it filled its 128 MiB of disk');
    expect(first.of.get('fills-memory')?.remarks.join()).toContain('it took more than 1024 MiB of memory');
    for (const name of ['fills-disk', 'fills-memory']) expect(points(name)).toBeLessThan(10);
  });

  it('nobody has seen the work of others, the rubric, a hidden scenario, the results, the lab, or the network', () => {
    const logs = readdirSync(path.join(first.folder, 'spies'), { recursive: true, encoding: 'utf8' });
    const said = logs
      .filter((file) => file.endsWith('.log'))
      .flatMap((file) => readFileSync(path.join(first.folder, 'spies', file), 'utf8').match(/(?<=TRIED ).*/g) ?? []);
    expect(said.length).toBeGreaterThan(1);
    for (const tried of said) {
      const outcomes = Object.entries(JSON.parse(tried) as Record<string, string>);
      expect(outcomes.length).toBeGreaterThan(10);
      expect(outcomes.filter(([, outcome]) => outcome !== 'failed')).toEqual([]);
    }
  });

  it('what a hidden scenario is about stands in no file for students', () => {
    for (const name of first.of.keys()) {
      const told = readFileSync(path.join(first.folder, name, 'autograding.json'), 'utf8');
      expect(told).not.toContain('hidden.yaml');
      expect(told).not.toContain('transfers.failed');
    }
  });

  it('nothing is left behind', async () => {
    expect(await childrenOf(process.pid)).toEqual([]);
    expect(readdirSync(tmpdir()).filter((name) => name.startsWith('peerlab-grade-'))).toEqual([]);
  });

  it('the second time, in another order, it is the same', async () => {
    const names = ['spies', 'says-ok', 'eve', 'dee', 'cyd', 'forks'];
    const second = await graded('--jobs', '2', '--only', ...names);
    for (const name of names) expect(second.of.get(name)?.points, second.output).toBe(points(name));
  }, 400_000);
});
