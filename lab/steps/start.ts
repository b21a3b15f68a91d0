import { strict } from '../scenario/words.ts';
import { type StepKind, type WhoSpec, whoShape } from './step.ts';

const { group, take, arrival } = whoShape;
const schema = strict({ group, take, arrival });

export const start: StepKind<WhoSpec> = {
  verb: 'start',
  summary: 'Peers of a group that is `later` join: they are started, and log in only when a step says so.',
  example: 'start: latecomers',
  schema,
  shorthand: 'group',
  groups: ({ group }) => ({ group }),
  idle: 'every peer of the group is there already: give the group `later: true`',
  plan: (spec, { world, id, draw }) => {
    const absent = world.members(spec.group).filter(({ name }) => !world.isPresent(name));
    const peers = world.who(spec, draw, absent).map(({ peer, atMs }) => ({ peer: peer.name, atMs }));
    for (const { peer } of peers) world.setPresent(peer, true);
    return { does: 'start', id, label: `start ${spec.group}`, peers };
  },
};

export const stop: StepKind<WhoSpec> = {
  verb: 'stop',
  summary: 'Peers end in order, as on SIGTERM, and leave the index. They do not come back.',
  example: 'stop: {group: seeders, take: 1}',
  schema,
  shorthand: 'group',
  groups: ({ group }) => ({ group }),
  idle: 'no peer of the group is there',
  plan: (spec, { world, id, draw }) => {
    const peers = world.who(spec, draw).map(({ peer, atMs }) => ({ peer: peer.name, atMs }));
    for (const { peer } of peers) world.setPresent(peer, false);
    return { does: 'stop', id, label: `stop ${spec.group}`, peers };
  },
};
