import { strict } from '../language/words.ts';
import { type PlannedStep, type StepKind, stepList, type WhoSpec, whoShape } from './step.ts';

export const each: StepKind<WhoSpec & { steps: unknown[] }> = {
  verb: 'each',
  summary:
    'Each peer takes the steps at its own pace and does not wait for the others. In these steps, the peer is `self`.',
  example: 'each: {group: leechers, arrival: {poisson: 5/s}, steps: [{login: self}, {download: self}]}',
  schema: strict({ group: whoShape.group, take: whoShape.take, arrival: whoShape.arrival, steps: stepList }),
  groups: ({ group }) => ({ group }),
  inner: ({ steps }) => [{ path: ['steps'], steps }],
  idle: 'no peer of the group is there',
  plan: (spec, { world, id, draw, inside }, [steps = []]) => {
    const who = world.who(spec, draw);
    const branches: PlannedStep[][] = who.map(({ peer }) => world.asSelf(peer, () => inside(steps, peer.name)));
    return { does: 'parallel', id, label: `each of ${spec.group}`, branches, atMs: who.map(({ atMs }) => atMs) };
  },
};
