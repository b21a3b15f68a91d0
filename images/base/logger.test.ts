import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';

test('what a terminal would obey leaves as an escape of JSON, and means the same', () => {
  const name = 'a\u009b2J\u202eb';
  const program = `import { createLogger } from '#base/logger.ts'; createLogger('x', 'info').info({ file: ${JSON.stringify(name)} }, 'seen');`;
  const line = execFileSync(process.execPath, ['--input-type=module', '-e', program], {
    cwd: import.meta.dirname,
    encoding: 'utf8',
  });
  expect(line.trimEnd()).not.toMatch(/\p{C}/u);
  expect(JSON.parse(line)).toMatchObject({ file: name, msg: 'seen' });
});
