import { z } from 'zod';
import { strict } from '../scenario/words.ts';
import { CONTROL_TIMEOUT_MS, type StepKind, timeout, who } from './step.ts';

interface Spec {
  group: string;
  name: string;
  timeout?: number | undefined;
}

export const search: StepKind<Spec> = {
  verb: 'search',
  summary: 'Each peer asks the directory who has a file.',
  schema: strict({
    group: who,
    name: z.string().min(1).default('*').meta({ description: 'A file name, or a glob with * and ?.' }),
    timeout: timeout.optional(),
  }),
  shorthand: 'group',
  groups: ({ group }) => ({ group }),
  idle: 'the group has no peers',
  plan: ({ group, name, timeout = CONTROL_TIMEOUT_MS }, world) => ({
    label: `search ${group}: ${name}`,
    operations: world
      .group(group)
      .map((peer) => ({ peer: peer.name, verb: 'search', request: { name }, timeoutMs: timeout })),
    concurrency: 1,
  }),
};
