import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Measurement } from './measurement.ts';

function work(cpuMs: number): void {
  const began = process.cpuUsage();
  while (process.cpuUsage(began).user < cpuMs * 1000);
}

test('what a lab cost before a run, such as other runs of a suite, is not the cost of this one', () => {
  work(300);
  const measurement = new Measurement();
  work(20);
  measurement.begin();
  expect(measurement.resources.labSetupCpuSeconds).toBeGreaterThanOrEqual(0.02);
  // Less than what was before it; other threads of this process may work beside the test.
  expect(measurement.resources.labSetupCpuSeconds).toBeLessThan(0.3);
  work(20);
  measurement.end();
  expect(measurement.resources.labCpuSeconds).toBeGreaterThanOrEqual(0.02);
  const { cpuPressure } = measurement.resources;
  // Of a kernel that tells; the others give no figure, rather than 0.
  expect(cpuPressure === undefined).toBe(!existsSync('/proc/pressure/cpu'));
  if (cpuPressure !== undefined) expect(cpuPressure).toBeLessThanOrEqual(1);
});
