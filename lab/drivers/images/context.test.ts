import { spawnSync } from 'node:child_process';
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
    const lab = (...args: string[]) => {
      const env = { PATH: process.env.PATH, TMPDIR: app };
      const { status, stdout, stderr } = spawnSync(process.execPath, [join(app, 'lab/main.ts'), ...args], { env });
      return { status, output: `${stdout}${stderr}` };
    };
    expect(lab('validate')).toMatchObject({ status: 0, output: expect.stringContaining('basic: ok') });
    // Reads the records of runs, and asks every driver what dead runs left.
    expect(lab('gc')).toMatchObject({ status: 0 });
    expect(lab('run', 'no-such-scenario')).toMatchObject({ status: 64 });
    // Judges, and writes every report: no compiler is there to start anything.
    expect(lab('run', 'basic', '--driver', 'process', '--results', join(app, 'results'))).toMatchObject({
      status: 75,
      output: expect.stringContaining('INCONCLUSIVE'),
    });
  } finally {
    await rm(app, { recursive: true });
  }
});
