import { availableParallelism, cpus, release, totalmem, type } from 'node:os';

const GIB = 1024 ** 3;

/** What machine this is, for whoever reads results later. */
export function describeMachine(): Record<string, string> {
  // Some kernels do not tell the model.
  const model = cpus()[0]?.model.trim() ?? '';
  return {
    system: `${type()} ${release()}`,
    processors: `${availableParallelism()}${model === '' ? '' : ` (${model})`}`,
    memory: `${(totalmem() / GIB).toFixed(1)} GiB`,
    node: process.versions.node,
  };
}
