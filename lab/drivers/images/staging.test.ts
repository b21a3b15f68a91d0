import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeStaging, sweepStaging } from './staging.ts';

test('folders of a build that goes on stay, those of one that is gone are removed', async () => {
  const mine = await makeStaging('images');
  const { pid } = spawnSync('true');
  const dead = join(tmpdir(), `peerlab-base-${pid}-abcdef`);
  await mkdir(dead);
  try {
    expect(await sweepStaging()).toContain(dead);
    expect([existsSync(mine), existsSync(dead)]).toEqual([true, false]);
  } finally {
    await rm(mine, { recursive: true });
  }
});
