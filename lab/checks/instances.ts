import { type Check, noneWrong } from './check.ts';

export const instancesLived: Check = {
  name: 'instances lived',
  question: 'Did every instance run until it was asked to stop?',
  isCause: true,
  judge: ({ facts }) =>
    noneWrong(
      facts.exits.map(({ instance, how }) => `${instance} ended by itself: ${how}`),
      `the directory and ${facts.peers.length} peers ran to the end`,
    ),
};
