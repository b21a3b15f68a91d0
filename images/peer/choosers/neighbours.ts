/**
 * Whether one that a peer has just heard of takes the place of a neighbour, when there is no room for both. So its neighbours are a random
 * sample of all whom it ever heard of (reservoir sampling, Vitter 1985). Otherwise those who came first would talk to each other only, and
 * what those who came later can send would be of use to nobody. Pure: the chance is injected.
 * @param known of whom it has heard, this one included
 */
export function takesPlace(neighbours: number, known: number, random: () => number = Math.random): boolean {
  return random() * known < neighbours;
}

/** One of these, each with the same chance. */
export function anyOf<T>(some: readonly T[], random: () => number = Math.random): T | undefined {
  return some[Math.floor(random() * some.length)];
}
