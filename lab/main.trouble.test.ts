import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { XMLParser } from 'fast-xml-parser';
import { describe, expect, onTestFinished, test } from 'vitest';
import { LAB, resultOf, startLab, writeScenario } from './end-to-end.ts';

/** Trouble of the machine or of the lab itself: nothing but a verdict exits 1, and nobody sees a stack. */

const STACK = /\n\s+at .+:\d+/;
const LOGIN = '[{login: all}]';
const LOGGED_IN = '[operations.login.failed == 0]';

function folder(): string {
  const made = mkdtempSync(path.join(tmpdir(), 'peerlab-trouble-'));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

describe('the reader of the output goes away', () => {
  test.each([
    ['that passes', LOGGED_IN, 0],
    ['that fails', '[operations.login.ok == 3]', 1],
  ])('a run %s exits with its verdict', async (_, expectations, code) => {
    const { child, ended, results } = startLab([writeScenario(LOGIN, expectations), '--driver', 'process']);
    child.stdout?.once('data', () => {
      child.stdout?.destroy();
      child.stderr?.destroy();
    });
    expect((await ended).code).toBe(code);
    const [run] = readdirSync(results).filter((name) => name !== 'latest');
    expect(resultOf(path.join(results, run as string)).verdict).toBe(code === 0 ? 'pass' : 'fail');
  });

  test.each([['list'], ['schema'], ['validate']])('%s ends without a word', async (...args) => {
    const child = spawn(LAB, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.destroy();
    let said = '';
    child.stderr.on('data', (part) => {
      said += part;
    });
    expect([await once(child, 'close'), said]).toEqual([[0, null], '']);
  });
});

test.runIf(process.platform === 'linux')('output that could not be written is no success', async () => {
  const child = spawn('sh', ['-c', '"$0" schema > /dev/full', LAB], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (part) => {
    said += part;
  });
  expect(await once(child, 'close')).toEqual([75, null]);
  expect(said).toContain('The output could not be written');
});

describe('every state of the results folder has a code and a sentence', () => {
  const run = async (results: string) => {
    const child = spawn(LAB, ['run', writeScenario(LOGIN, LOGGED_IN), '--driver', 'process', '--results', results]);
    let said = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (part) => {
        said += part;
      });
    }
    const [code] = await once(child, 'close');
    return { code, said };
  };

  test.each<[string, (at: string) => void, RegExp]>([
    ['a file', (at) => writeFileSync(at, ''), /is not a folder/],
    ['a link that leads nowhere', (at) => symlinkSync('nowhere', at), /is a link that leads nowhere/],
    ['below a file', (at) => writeFileSync(path.dirname(at), ''), /is not a folder/],
  ])('%s: wrong usage', async (_, make, sentence) => {
    const at = path.join(folder(), 'a', 'results');
    const above = path.dirname(path.dirname(at));
    if (_ !== 'below a file') mkdirSync(path.dirname(at));
    make(at);
    const { code, said } = await run(at);
    expect({ code, said }).toMatchObject({ code: 64, said: expect.stringMatching(sentence) });
    expect(said).not.toMatch(STACK);
    expect(readdirSync(above)).toHaveLength(1);
  });

  test('a name that is too long: wrong usage', async () => {
    expect(await run(path.join(folder(), 'x'.repeat(300)))).toMatchObject({ code: 64 });
  });

  test.each<[string, (at: string) => void]>([
    ['a folder', (at) => mkdirSync(path.join(at, 'mine'), { recursive: true })],
    ['a file', (at) => writeFileSync(at, 'mine')],
  ])('latest is %s: it stays, and the run goes on and says so', async (_, make) => {
    const at = folder();
    make(path.join(at, 'latest'));
    const { code, said } = await run(at);
    expect({ code, said }).toMatchObject({ code: 0, said: expect.stringContaining('is not a link') });
    expect(said).not.toMatch(STACK);
    expect(readdirSync(at)).toHaveLength(2);
  });

  test('latest is a dangling link: it leads to the run again', async () => {
    const at = folder();
    symlinkSync('gone', path.join(at, 'latest'));
    expect(await run(at)).toMatchObject({ code: 0 });
    expect(resultOf(path.join(at, 'latest')).verdict).toBe('pass');
  });

  test.each<[string, (at: string) => void, RegExp]>([
    ['nothing', () => {}, /there is no/],
    ['a file', (at) => writeFileSync(at, ''), /is not a folder/],
    ['no run', (at) => mkdirSync(at), /no run\.json in it/],
  ])('report of %s: wrong usage', async (_, make, sentence) => {
    const at = path.join(folder(), 'run');
    make(at);
    const child = spawn(LAB, ['report', at], { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.on('data', (part) => {
      said += part;
    });
    expect(await once(child, 'close')).toEqual([64, null]);
    expect(said).toMatch(sentence);
    expect(said).not.toMatch(STACK);
  });
});

/** Where root may not mount, a full disk can't be had. */
const mayMount = (() => {
  const at = mkdtempSync(path.join(tmpdir(), 'peerlab-mount-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', at], { stdio: 'ignore' });
    execFileSync('umount', [at]);
    return true;
  } catch {
    return false;
  } finally {
    rmSync(at, { recursive: true });
  }
})();

describe.runIf(mayMount)('a disk of results that is full (needs the right to mount a tmpfs)', () => {
  const smallDisk = (): string => {
    const at = folder();
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', at]);
    onTestFinished(() => void execFileSync('umount', ['-l', at]));
    return at;
  };
  const fill = (at: string) => {
    try {
      writeFileSync(path.join(at, 'filler'), Buffer.alloc(2 * 1024 * 1024));
    } catch {
      // That is what it is for.
    }
  };
  const slow = () => writeScenario('[{login: all}, {wait: 4s}, {index: all}, {logout: all}]', LOGGED_IN);

  test('a run that misses room in its middle: 75, the reason, no stack', async () => {
    const at = smallDisk();
    const { says, ended } = startLab([slow(), '--driver', 'process'], {}, at);
    await says('Step 1/4: login all: 2 ok');
    fill(at);
    const { code, output } = await ended;
    expect({ code, output }).toMatchObject({ code: 75, output: expect.stringContaining('no space left on the disk') });
    expect(output).not.toMatch(STACK);
    expect(output).toContain(at);
  });

  test('a suite that misses room: 75, and its junit.xml has an error for each scenario that was not judged', async () => {
    const at = smallDisk();
    const suite = path.join(folder(), 's.yaml');
    const entry = path.relative(path.dirname(suite), slow());
    writeFileSync(suite, `name: s\ndescription: d\nscenarios: [${entry}, ${entry}]\n`);
    const { says, ended } = startLab(['suite', suite, '--driver', 'process'], {}, at);
    await says('Step 1/4: login all: 2 ok');
    fill(at);
    const { code, output } = await ended;
    expect({ code, output }).toMatchObject({ code: 75, output: expect.stringContaining('2 inconclusive') });
    expect(output).not.toMatch(STACK);
    const report = new XMLParser({ ignoreAttributes: false }).parse(
      readFileSync(path.join(at, 'suite-s', 'junit.xml'), 'utf8'),
    );
    expect(report.testsuites['@_errors']).toBe('2');
  });
});

test('an error that nobody caught: the run ends in order, 75, and the reason is in run.json and in the verdict', async () => {
  const hook = path.join(folder(), 'hook.mjs');
  const text = `const { write } = process.stdout;
  process.stdout.write = function (text, ...more) {
    if (String(text).includes('Step 1/3: login all: 2 ok')) setImmediate(() => { throw new Error('bang'); });
    return write.call(this, text, ...more);
  };`;
  writeFileSync(hook, text);
  const slow = writeScenario('[{login: all}, {wait: 60s}, {logout: all}]', LOGGED_IN);
  const { ended } = startLab([slow, '--driver', 'process'], { NODE_OPTIONS: `--import=${hook}` });
  const { code, output, run } = await ended;
  expect({ code, output }).toMatchObject({ code: 75, output: expect.stringMatching(/INCONCLUSIVE: .*bang/) });
  expect(output).not.toMatch(STACK);
  expect(output).toContain(`Results: ${run}`);
  expect(resultOf(run)).toMatchObject({ reason: expect.stringContaining('bang'), operations: { login: { ok: 2 } } });
  const facts = JSON.parse(readFileSync(path.join(run as string, 'run.json'), 'utf8'));
  expect(facts).toMatchObject({
    trouble: [{ code: 'internal', message: expect.stringContaining('bang') }],
    leftovers: [],
  });
});

test('what was ignored stays ignored: nohup keeps a run from SIGHUP', async () => {
  const results = folder();
  const file = writeScenario('[{login: all}, {wait: 3s}, {logout: all}]', LOGGED_IN);
  const command = 'trap "" HUP; exec "$0" run "$1" --driver process --results "$2"';
  const child = spawn('sh', ['-c', command, LAB, file, results], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.on('data', (part) => {
    said += part;
    if (String(part).includes('Step 1/3')) child.kill('SIGHUP');
  });
  expect(await once(child, 'close')).toEqual([0, null]);
  expect(said).not.toContain('Interrupted');
});

test('a proxy of the environment stays out of it', async () => {
  const proxy = 'http://127.0.0.1:9';
  const redirect = { NODE_USE_ENV_PROXY: '1', HTTP_PROXY: proxy, http_proxy: proxy, grpc_proxy: proxy, NO_PROXY: '' };
  const scenario = writeScenario('[{login: all}, {index: all}, {download: l}]', '[transfers.ok == 2]');
  const { code, output } = await startLab([scenario, '--driver', 'process'], redirect).ended;
  expect(code, output).toBe(0);
});

test.each([['auto'], ['docker']])(
  'a Docker context that is not there is an error, and no other engine takes its place: %s',
  async (driver) => {
    const env = { DOCKER_CONTEXT: 'nosuch', DOCKER_HOST: '' };
    const { code, output, run } = await startLab(['basic', '--driver', driver], env).ended;
    expect({ code, run }).toEqual({ code: 75, run: undefined });
    expect(output).toContain('there is no Docker context "nosuch"');
  },
);

test('--version says the version', async () => {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  expect(execFileSync(LAB, ['--version'], { encoding: 'utf8' })).toBe(`${version}\n`);
});

test('packages that are missing, or a file that is cut off: 75 and a sentence', async () => {
  const root = folder();
  mkdirSync(path.join(root, 'lab'));
  writeFileSync(path.join(root, 'package.json'), '{"type": "module"}');
  writeFileSync(path.join(root, 'lab', 'start.ts'), readFileSync(new URL('./start.ts', import.meta.url)));
  const child = spawn(process.execPath, [path.join(root, 'lab', 'start.ts'), 'list'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (part) => {
    said += part;
  });
  expect(await once(child, 'close')).toEqual([75, null]);
  expect(said).toContain('The lab could not be started');
  expect(said).not.toMatch(STACK);
});
