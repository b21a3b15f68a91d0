import { readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { describeDriver } from '../driver.contract.ts';
import { processCapabilities } from './capabilities.ts';
import { createProcessDriver } from './process-driver.ts';

const standIn = fileURLToPath(new URL('../stand-in.ts', import.meta.url));
/** Runs of this suite only: other runs on this machine come and go meanwhile. */
const RUN = /\bt[0-9a-f]{10}\b/;

describeDriver('process', {
  create: createProcessDriver,
  capabilities: processCapabilities(),
  standIn: async () => `${process.execPath} ${standIn}`,
  killHost: async (runId, name) => {
    for (const pid of await readdir('/proc')) {
      const environ = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
      if (environ.includes(`PEERLAB_RUN=${runId}`) && environ.includes(`${name}.json`))
        process.kill(Number(pid), 'SIGKILL');
    }
  },
  snapshot: async () => {
    const folders = (await readdir(tmpdir())).filter((name) => name.startsWith('peerlab-') && RUN.test(name));
    const processes: string[] = [];
    for (const pid of await readdir('/proc').catch(() => [])) {
      const environ = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
      const run = /PEERLAB_RUN=([^\0]*)/.exec(environ)?.[1];
      if (run && RUN.test(run)) processes.push(`process ${pid} of ${run}`);
    }
    return [...folders, ...processes];
  },
});
