import { type Check, noneWrong } from './check.ts';

export const barriersMet: Check = {
  name: 'barriers met',
  question: 'Did every peer that came to a barrier meet the others there in time?',
  judge({ events }) {
    const waits = events.filter(({ operation }) => operation === 'barrier');
    const missed = waits.filter(({ outcome }) => outcome === 'failed');
    return noneWrong(
      missed.map(({ peer, error }) => `${peer}: ${error?.message}`),
      waits.length === 0 ? 'the scenario has none' : `${waits.length} arrivals, all met`,
    );
  },
};
