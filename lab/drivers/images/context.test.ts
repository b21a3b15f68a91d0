import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { buildServices } from '../artifacts.ts';
import { withContexts } from './context.ts';

test('what goes into the image of the lab is enough for it: no package and no file is missing', async () => {
  const services = await buildServices(() => {});
  const app = await mkdtemp(join(tmpdir(), 'peerlab-app-'));
  try {
    await withContexts(services, ['base', 'lab'], async (folderOf) => {
      for (const kind of ['base', 'lab'] as const) await cp(folderOf(kind), app, { recursive: true });
    });
    const node = (main: string, args: readonly string[], more = {}) => {
      const env = { PATH: process.env.PATH, TMPDIR: app, ...more };
      const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], { env });
      return { status, output: `${stdout}${stderr}` };
    };
    const lab = (...args: string[]) => node(join(app, 'lab/main.ts'), args);
    expect(lab('validate')).toMatchObject({ status: 0, output: expect.stringContaining('basic: ok') });
    // Reads the records of runs, and asks every driver what dead runs left.
    expect(lab('gc')).toMatchObject({ status: 0 });
    expect(lab('run', 'no-such-scenario')).toMatchObject({ status: 64 });
    // Judges, and writes every report: no compiler is there to start anything.
    expect(lab('run', 'basic', '--driver', 'process', '--results', join(app, 'results'))).toMatchObject({
      status: 75,
      output: expect.stringContaining('INCONCLUSIVE'),
    });
    expect(existsSync(join(app, 'results/latest/report.html'))).toBe(true);
    // The keeper of a peer comes from there, and runs where nothing else of the lab is; it lays the share before.
    const keeper = join(app, 'lab/keeper/main.ts');
    const share = join(app, 'share');
    const ofPeer = { PEER_SHARE_DIR: share, PEERLAB_SCENARIO: 'basic', PEERLAB_PEER: 'seeders-1' };
    expect(node(keeper, ['lay'], ofPeer)).toMatchObject({ status: 0, output: expect.stringContaining('7 files') });
    const copy = await mkdtemp(join(tmpdir(), 'peerlab-keeper-'));
    expect(node(keeper, ['install', copy])).toMatchObject({ status: 0 });
    const keeps = { PEER_SHARE_DIR: share, PEERLAB_KEEPER_TOKEN: 'token', PEERLAB_KEEPER_PORT: '0' };
    const serve = ['serve', '--', process.execPath, '-e', 'console.log("I am kept"); process.exit(3)'];
    expect(node(join(copy, 'lab/keeper/main.ts'), serve, keeps)).toMatchObject({
      status: 3,
      output: expect.stringContaining('I am kept'),
    });
    await rm(copy, { recursive: true });
  } finally {
    await rm(app, { recursive: true });
  }
});
