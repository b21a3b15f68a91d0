import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { killLoop } from './kill-loop.contract.ts';

killLoop('on the disk', () => ({ DIRECTORY_DATA_DIR: mkdtempSync(join(tmpdir(), 'peerlab-test-')) }));
