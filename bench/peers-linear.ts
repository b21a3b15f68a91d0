import { createDockerDriver } from '../lab/drivers/docker/docker-driver.ts';
import { findEngine } from '../lab/drivers/docker/engine.ts';
import type { Driver, DriverInit } from '../lab/drivers/driver.ts';
import { createProcessDriver } from '../lab/drivers/process/process-driver.ts';
import { timeFleet } from './kit/fleet.ts';
import { median, sayBar } from './kit/report.ts';

/** How long a hundred peers take to be ready, against fifty: set-up must not get slower with the number. Alternating, medians. */

const SMALL = 50;
const LARGE = 100;
const ROUNDS = 3;
const LIMIT = 2.2;

async function measure(kind: string, create: (init: DriverInit) => Driver): Promise<void> {
  const small: number[] = [];
  const large: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    small.push((await timeFleet(create, SMALL)).setUpSeconds);
    large.push((await timeFleet(create, LARGE)).setUpSeconds);
  }
  const [of, than] = [median(large), median(small)];
  console.log(
    `peers-linear, ${kind}: ${SMALL} ready in ${than.toFixed(1)} s, ${LARGE} in ${of.toFixed(1)} s (medians of ${ROUNDS})`,
  );
  sayBar(`peers-linear-${kind}`, of / than, LIMIT);
}

await measure('process', createProcessDriver);
const engine = await findEngine();
if (typeof engine === 'string') console.log(`peers-linear, docker: not measured, ${engine}`);
else await measure('docker', createDockerDriver);
