import { strict } from '../language/words.ts';
import { type StepKind, type WhoSpec, whoShape } from './step.ts';

const { group, take, arrival } = whoShape;

export const start: StepKind<WhoSpec> = {
  verb: 'start',
  summary: 'Peers of a group that is `later` are started. They log in only when a step says so.',
  example: 'start: latecomers',
  schema: strict({ group, take, arrival }),
  shorthand: 'group',
  groups: ({ group }) => ({ group }),
  idle: 'every peer of the group is there already: give the group `later: true`; `restart` is for peers that ended',
  plan: (spec, { world, id, draw }) => {
    const later = world.members(spec.group).filter(({ name }) => world.state(name) === 'later');
    const peers = world.who(spec, draw, later).map(({ peer, atMs }) => ({ peer: peer.name, atMs }));
    for (const { peer } of peers) world.setState(peer, 'there');
    return { does: 'start', id, label: `start ${spec.group}`, peers };
  },
};
