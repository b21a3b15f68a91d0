import { readdir, readFile } from 'node:fs/promises';
import { networkInterfaces, tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { type DriverUnderTest, describeDriver } from '../driver.contract.ts';
import { processCapabilities } from './capabilities.ts';
import { createProcessDriver } from './process-driver.ts';

const standIn = fileURLToPath(new URL('../stand-in.ts', import.meta.url));
const hasIpv6 = Object.values(networkInterfaces()).some((addresses) =>
  addresses?.some(({ address }) => address === '::1'),
);
/** Runs of this suite only: other runs on this machine come and go meanwhile. */
const RUN = /\bt[0-9a-f]{10}\b/;

const processes: DriverUnderTest = {
  create: (init) => createProcessDriver(init),
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
};

describeDriver('process', processes);
describeDriver('process on ::1', {
  ...processes,
  create: (init) => createProcessDriver(init, '::1'),
  ...(hasIpv6 ? {} : { skipReason: 'this machine has no ::1' }),
});
