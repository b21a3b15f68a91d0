import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll } from 'vitest';

/**
 * Every test file gets a temporary folder of its own (vitest.config.ts): what it starts works there and is recorded there, so that
 * files which compare the host before and after can run beside each other, and beside other people's runs.
 */

const outer = tmpdir();
const own = mkdtempSync(path.join(outer, 'peerlab-test-'));
// A server that a test starts as another user finds its way through it, and sees nothing else of it.
chmodSync(own, 0o711);
process.env.TMPDIR = own;

afterAll(() => {
  process.env.TMPDIR = outer;
  rmSync(own, { recursive: true, force: true, maxRetries: 3 });
});
