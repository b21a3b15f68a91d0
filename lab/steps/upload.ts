import { z } from 'zod';
import { strict } from '../scenario/words.ts';
import type { World } from '../scenario/world.ts';
import { concurrency, type PlannedOperation, type StepKind, TRANSFER_TIMEOUT_MS, timeout, who } from './step.ts';

interface Spec {
  group: string;
  to: string;
  files: string;
  limit?: number | undefined;
  concurrency: number;
  timeout?: number | undefined;
}

export const upload: StepKind<Spec> = {
  verb: 'upload',
  summary: 'Each peer stores its files at another peer, which the seed picks among those that do not have them.',
  schema: strict({
    group: who,
    to: who,
    files: z.string().min(1).default('*').meta({ description: 'Which of its files: a name, or a glob with * and ?.' }),
    limit: z.number().int().min(1).optional().meta({ description: 'At most so many files for each peer.' }),
    concurrency: concurrency.default(4),
    timeout: timeout.optional(),
  }),
  shorthand: 'group',
  groups: ({ group, to }) => ({ group, to }),
  idle: 'no peer of the group has a file that matches and that a peer of `to` lacks',
  plan: (spec, world, label) => ({
    label: `upload ${spec.group} to ${spec.to}: ${spec.files}`,
    operations: world.group(spec.group).flatMap(({ name }) => uploadsOf(name, spec, world, label)),
    concurrency: spec.concurrency,
  }),
};

function uploadsOf(peer: string, spec: Spec, world: World, label: string): PlannedOperation[] {
  const random = world.random(label, 'upload', peer);
  const own = random.shuffle(world.files(spec.files).filter((file) => world.holds(peer, file)));
  const operations: PlannedOperation[] = [];
  for (const name of own.slice(0, spec.limit)) {
    const lacking = world.group(spec.to).filter((other) => other.name !== peer && !world.holds(other.name, name));
    if (lacking.length === 0) continue;
    const to = random.pick(lacking).name;
    world.hold(to, name);
    operations.push({ peer, verb: 'upload', request: { name, to }, timeoutMs: spec.timeout ?? TRANSFER_TIMEOUT_MS });
  }
  return operations;
}
