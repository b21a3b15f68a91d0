/** This number of the directory's best are equally good. */
const EQUALS = 8;

/** The directory's best first; but in random order among equals, so that many downloads of one file spread over those who have it. */
export function bestFirst<T>(ranked: readonly T[], random: () => number = Math.random): T[] {
  const result: T[] = [];
  for (let at = 0; at < ranked.length; at += EQUALS) result.push(...shuffled(ranked.slice(at, at + EQUALS), random));
  return result;
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const result = [...items];
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [result[i], result[j]] = [result[j] as T, result[i] as T];
  }
  return result;
}
