/** Among more words than these nobody looks for the nearest, and no message lists more of them. */
const MAX_COMPARED = 2000;
const MAX_LISTED = 40;

/** ` Did you mean "x"?` when one of `known` is close to `word`; otherwise the list of what is known. */
export function suggestion(word: string, known: readonly string[]): string {
  const best = nearest(word, known);
  if (best && best.distance <= Math.max(1, Math.floor(best.candidate.length / 3)))
    return ` Did you mean "${best.candidate}"?`;
  if (known.length === 0) return '';
  const more = known.length > MAX_LISTED ? ` and ${known.length - MAX_LISTED} more` : '';
  return ` Known: ${known.slice(0, MAX_LISTED).join(', ')}${more}.`;
}

/** Which of `known` it is most like, and how far from it. */
export function nearest(word: string, known: readonly string[]): { candidate: string; distance: number } | undefined {
  const [best] = known
    .slice(0, MAX_COMPARED)
    .map((candidate) => ({ candidate, distance: editDistance(word.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance);
  return best;
}

/** Levenshtein's distance; inputs are cut at 64 characters, so the cost is bounded. */
function editDistance(a: string, b: string): number {
  const [left, right] = [a.slice(0, 64), b.slice(0, 64)];
  let row = Array.from({ length: right.length + 1 }, (_, i) => i);
  for (let i = 1; i <= left.length; i++) {
    const next = [i];
    for (let j = 1; j <= right.length; j++) {
      const substitution = (row[j - 1] ?? 0) + (left[i - 1] === right[j - 1] ? 0 : 1);
      next.push(Math.min(substitution, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[right.length] ?? 0;
}
