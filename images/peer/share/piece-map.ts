import { MAX_MAP_PLACES } from '#proto/piece-map.ts';

/** The digits between 0, none of a place is there, and 9, all of it is. */
const PARTLY = 8;

/** A map of `pieces` pieces for people and programs that look on (proto/piece-map.ts), from whether each is there. */
export function mapOf(pieces: number, isThere: (index: number) => boolean): string {
  const places = Math.min(pieces, MAX_MAP_PLACES);
  let map = '';
  for (let place = 0; place < places; place++) {
    const [start, end] = [boundOf(place, places, pieces), boundOf(place + 1, places, pieces)];
    let there = 0;
    for (let index = start; index < end; index++) if (isThere(index)) there++;
    map += levelOf(there, end - start);
  }
  return map;
}

/** The first piece of a place: the places are as even as they can be. */
function boundOf(place: number, places: number, pieces: number): number {
  return Math.floor((place * pieces) / places);
}

function levelOf(there: number, all: number): number {
  if (there === 0) return 0;
  return there === all ? 9 : Math.min(PARTLY, 1 + Math.floor((there / all) * PARTLY));
}
