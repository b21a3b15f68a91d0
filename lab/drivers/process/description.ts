import { AS_PROCESSES } from '../../machine/footprint.ts';
import type { DriverDescription } from '../description.ts';
import { processCapabilities } from './capabilities.ts';
import { findCommand } from './command.ts';
import { examineForProcesses } from './preflight.ts';
import { createProcessDriver } from './process-driver.ts';
import { processSweeper } from './sweeper.ts';

export const processDriver: DriverDescription = {
  kind: 'process',
  isAutomatic: true,
  survey: async () => ({ what: 'peers are processes of this machine', can: processCapabilities() }),
  create: createProcessDriver,
  find: findCommand,
  sweeper: processSweeper,
  footprint: AS_PROCESSES,
  examine: examineForProcesses,
};
