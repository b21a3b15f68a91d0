import { choosePiece } from '../../images/peer/choosers/choose-piece.ts';
import type { Model } from './model.ts';

/** Ways to choose a piece: that of the real peer first, and others to hold it against. */
export interface Way extends Pick<Model, 'choose' | 'suggests'> {
  readonly name: string;
  readonly about: string;
}

export const WAYS: readonly Way[] = [
  {
    name: 'rarest',
    about: 'as the real peer does: the rarest first, unless the seeder suggests another that is as rare',
    choose: choosePiece,
    suggests: true,
  },
  {
    name: 'unguided',
    about: 'the rarest first, and the seeder suggests nothing',
    choose: choosePiece,
    suggests: false,
  },
  {
    name: 'random',
    about: 'any piece, however many have it',
    choose: ({ candidates, random }) => choosePiece({ candidates, random, rarity: () => 0 }),
    suggests: false,
  },
  {
    name: 'in-order',
    about: 'the first piece that is missing',
    choose: ({ candidates }) => {
      for (const index of candidates) return index;
      return undefined;
    },
    suggests: false,
  },
];
