import { execFile, execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

/**
 * The course (docs/course/), as somebody goes through it who writes a peer in Python: each command that a page shows as one to type, in
 * order, from an empty folder. In each chapter the peer is that of the chapter before, with the diff of docs/course/solutions/ on it.
 */

const ROOT = path.resolve(import.meta.dirname, '..');
const COURSE = path.join(ROOT, 'docs/course');
const PAGES = readdirSync(COURSE)
  .filter((file) => /^\d-.*\.md$/.test(file))
  .sort();
const NEEDS: readonly (readonly [command: RegExp, what: string])[] = [
  [/^docker |--driver docker/, 'images from Docker Hub'],
  [/^kind |--driver kubernetes/, 'a Kubernetes cluster that has this image'],
];
/** The exit code of a run that says nothing. */
const INCONCLUSIVE = 75;
/** What the solutions from chapter 5 on leave out: a should. */
const LEFT_OUT = ['tickets.none'];
const PATH = `${path.join(ROOT, 'examples/peers/python/.venv/bin')}:${process.env.PATH}`;

const root = mkdtempSync(path.join(tmpdir(), 'course-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** The lines of a page that are to be typed. */
function commandsOf(page: string): string[] {
  const text = readFileSync(path.join(COURSE, page), 'utf8');
  return [...text.matchAll(/^```sh\n(.*?)^```$/gms)].flatMap(([, block = '']) => block.trim().split('\n'));
}

const needOf = (command: string) => NEEDS.find(([pattern]) => pattern.test(command))?.[1];

/** One shell for all lines, which says each of them before it runs it, and ends at the first that fails. */
function type(lines: readonly string[], folder: string, more = ''): Promise<{ code: number; output: string }> {
  const env = { ...process.env, PATH: `${more}${PATH}` };
  return new Promise((resolve) => {
    execFile('sh', ['-exc', lines.join('\n')], { cwd: folder, env }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, output: stderr + stdout }),
    );
  });
}

/** Rules that were broken or left out in the checks of a peer that left their results here. */
function notKept(folder: string): string[] {
  const results = path.join(folder, 'results');
  return readdirSync(results)
    .filter((name) => name.startsWith('conformance-'))
    .flatMap((name) => {
      const text = readFileSync(path.join(results, name, 'conformance.json'), 'utf8');
      return (JSON.parse(text) as { rules: { id: string; outcome: string }[] }).rules;
    })
    .filter(({ outcome }) => outcome === 'broken' || outcome === 'not brought')
    .map(({ id, outcome }) => `${id}: ${outcome}`);
}

let last: Promise<unknown> = Promise.resolve();
/** A check of a peer mostly waits; whole runs of peers need the processors, and come one by one. */
function alone<T>(work: () => Promise<T>): Promise<T> {
  const mine = last.then(work);
  last = mine;
  return mine;
}

const folderOf = (chapter: number) => path.join(root, `chapter-${chapter}`);

beforeAll(async () => {
  // As in the folder of PeerLab, and nothing is written into it.
  for (const name of ['bin', 'docs']) symlinkSync(path.join(ROOT, name), path.join(root, name));
  const { code, output } = await type(commandsOf('README.md'), root);
  expect(code, output).toBe(0);
  let before = path.join(root, 'my-peer');
  for (const chapter of PAGES.keys()) {
    cpSync(before, folderOf(chapter), { recursive: true });
    before = folderOf(chapter);
    const solution = path.join(COURSE, `solutions/${chapter}.diff`);
    if (existsSync(solution)) execFileSync('patch', ['--strip=1', '--fuzz=0', `--input=${solution}`], { cwd: before });
  }
});

for (const [chapter, page] of PAGES.entries()) {
  const commands = commandsOf(page);
  for (const command of commands)
    if (needOf(command)) test.skip(`${page}: ${command} (skipped: needs ${needOf(command)})`, () => {});
  const typed = commands.filter((command) => !needOf(command));
  if (typed.length === 0) continue;
  const run = async (command: string) => {
    const once = () => type([command], folderOf(chapter), `${path.join(ROOT, 'bin')}:`);
    const first = await once();
    // The machine was too busy to say anything: what the pages tell their readers to do then.
    return first.code === INCONCLUSIVE ? once() : first;
  };
  test.concurrent(`${page}: each of its commands ends well`, { timeout: 600_000 }, async () => {
    for (const command of typed) {
      const { code, output } = await (command.startsWith('lab run ') ? alone(() => run(command)) : run(command));
      expect(code, output).toBe(0);
    }
    const allowed = chapter < 5 ? [] : LEFT_OUT.map((id) => `${id}: not brought`);
    expect(allowed).toEqual(expect.arrayContaining(notKept(folderOf(chapter))));
  });
}

test('the commands of the teacher lay the same solution on the same beginning', async () => {
  const { code, output } = await type(commandsOf('teachers-guide.md'), root, `${path.join(ROOT, 'bin')}:`);
  expect(code, output).toBe(0);
  const peerOf = (folder: string) => readFileSync(path.join(root, folder, 'peer.py'), 'utf8');
  expect(peerOf('solution')).toBe(peerOf('chapter-3'));
});
