import { z } from 'zod';
import { strict } from '../language/words.ts';
import type { World } from '../language/world.ts';
import { concurrency, group, planFlows, type StepKind, type WhoSpec, whoShape } from './step.ts';

interface Spec extends WhoSpec {
  to: string;
  files: string;
  limit?: number | undefined;
  concurrency: number;
}

export const upload: StepKind<Spec> = {
  verb: 'upload',
  records: ['upload'],
  summary: 'Each peer uploads its files to another peer, which the seed picks among those that do not have them.',
  example: 'upload: {group: seeders, to: leechers, files: "*", limit: 2}',
  schema: strict({
    ...whoShape,
    to: group,
    files: z.string().min(1).default('*').meta({ description: 'Which of its files: a name, or a glob with * and ?.' }),
    limit: z.number().int().min(1).optional().meta({ description: 'The largest number of files for each peer.' }),
    concurrency,
  }),
  shorthand: 'group',
  groups: ({ group, to }) => ({ group, to }),
  idle: 'no peer of the group has a file that matches and that a peer of `to` lacks',
  plan: (spec, context) =>
    planFlows('upload', spec, context, `upload ${spec.group} to ${spec.to}: ${spec.files}`, ({ name }) =>
      uploadsOf(name, spec, context.world, context.draw),
    ),
};

function uploadsOf(peer: string, spec: Spec, world: World, draw: string): { name: string; to: string }[] {
  const random = world.random(draw, 'upload', peer);
  const own = random.shuffle(world.files(spec.files).filter((file) => world.holds(peer, file)));
  const receivers = world.group(spec.to);
  return own.slice(0, spec.limit).flatMap((name) => {
    world.countLooks(receivers.length);
    const lacking = receivers.filter((other) => other.name !== peer && !world.holds(other.name, name));
    if (lacking.length === 0) return [];
    const to = random.pick(lacking).name;
    world.hold(to, name);
    return [{ name, to }];
  });
}
