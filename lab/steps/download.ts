import { z } from 'zod';
import { strict } from '../scenario/words.ts';
import type { World } from '../scenario/world.ts';
import { concurrency, type PlannedOperation, type StepKind, TRANSFER_TIMEOUT_MS, timeout, who } from './step.ts';

interface Spec {
  group: string;
  files: string;
  limit?: number | undefined;
  concurrency: number;
  timeout?: number | undefined;
}

export const download: StepKind<Spec> = {
  verb: 'download',
  summary: 'Each peer fetches the files that it does not have, in an order that the seed decides.',
  schema: strict({
    group: who,
    files: z.string().min(1).default('*').meta({ description: 'Which files: a name, or a glob with * and ?.' }),
    limit: z.number().int().min(1).optional().meta({ description: 'At most so many files for each peer.' }),
    concurrency: concurrency.default(4),
    timeout: timeout.optional(),
  }),
  shorthand: 'group',
  groups: ({ group }) => ({ group }),
  idle: 'each peer of the group has every file that matches, or no file does',
  plan: (spec, world, label) => {
    const operations = world.group(spec.group).flatMap(({ name }) => downloadsOf(name, spec, world, label));
    // Only after all have picked: a file that another peer fetches in this very step is no reason to do differently.
    for (const { peer, request } of operations) world.hold(peer, request.name as string);
    return { label: `download ${spec.group}: ${spec.files}`, operations, concurrency: spec.concurrency };
  },
};

function downloadsOf(peer: string, spec: Spec, world: World, label: string): PlannedOperation[] {
  const wanted = world.files(spec.files).filter((file) => !world.holds(peer, file));
  const chosen = world.random(label, 'download', peer).shuffle(wanted).slice(0, spec.limit);
  const timeoutMs = spec.timeout ?? TRANSFER_TIMEOUT_MS;
  return chosen.map((name) => ({ peer, verb: 'download', request: { name }, timeoutMs }));
}
