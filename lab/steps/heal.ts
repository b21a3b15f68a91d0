import { z } from 'zod';
import { DISTURBANCES, type FaultKind, isDirectory } from '../history/events.ts';
import { strict } from '../language/words.ts';
import { type FaultStepSpec, faultShape, ONE_DIRECTORY, oneDirectory, targetsOf } from './fault-step.ts';
import type { StepKind } from './step.ts';

interface HealSpec extends FaultStepSpec {
  readonly of: readonly FaultKind[];
}

export const heal: StepKind<HealSpec> = {
  verb: 'heal',
  summary: `Undoes ${DISTURBANCES.map((kind) => `\`${kind}\``).join(', ')}: all of them, or those named in \`of\`.`,
  example: 'cut: seeders\n- heal: seeders',
  shorthand: 'group',
  idle: 'nothing that it could undo is in force on any of them',
  schema: strict({
    ...faultShape,
    of: z
      .union([z.enum(DISTURBANCES).transform((kind) => [kind]), z.array(z.enum(DISTURBANCES)).min(1)])
      .default([...DISTURBANCES])
      .meta({ description: `Which of them: ${DISTURBANCES.join(', ')}, or a list. Default: all.` }),
  }).refine(oneDirectory, ONE_DIRECTORY),
  groups: ({ group }) => (isDirectory(group) ? {} : { group }),
  plan: (spec, context) => {
    const { world, id } = context;
    const who = targetsOf(spec, context, (name) => spec.of.some((kind) => world.disturbances(name).has(kind)));
    for (const { peer } of who) {
      world.setDisturbances(peer, world.disturbances(peer).difference(new Set(spec.of)));
    }
    return { does: 'heal', of: spec.of, id, label: `heal ${spec.group}`, who };
  },
};
