import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { oomKills } from './memory-kills.ts';

test('kills for want of memory are counted where either version of cgroups tells them', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'kills-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const [two, one] = [path.join(folder, 'memory.events'), path.join(folder, 'memory.oom_control')];
  expect(oomKills([two, one])).toBe(0);
  writeFileSync(one, 'oom_kill_disable 0\nunder_oom 0\noom_kill 3\n');
  expect(oomKills([two, one])).toBe(3);
  writeFileSync(two, 'low 0\nhigh 0\nmax 12\noom 2\noom_kill 1\noom_group_kill 1\n');
  expect(oomKills([two, one])).toBe(1);
});
