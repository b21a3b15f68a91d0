import { PeerLabError } from '#proto/errors.ts';

/** One thing that is wrong with a scenario file. `line` and `column` count from 1. */
export interface Mistake {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/** A mistake before it is located: `path` leads to the value as in `['steps', 2, 'download', 'group']`. */
export interface Flaw {
  readonly path: readonly PropertyKey[];
  readonly message: string;
  /** The key at the end of `path` is what is wrong, not its value. */
  readonly atKey?: boolean;
}

/** All the mistakes of a file at once; nothing was started. */
export class ScenarioInvalid extends PeerLabError {
  readonly file: string;
  readonly mistakes: readonly Mistake[];

  constructor(file: string, mistakes: readonly Mistake[]) {
    super('scenario-invalid', { about: file, got: `${mistakes.length} mistake${mistakes.length === 1 ? '' : 's'}` });
    this.file = file;
    this.mistakes = [...mistakes].sort((a, b) => a.line - b.line || a.column - b.column);
  }

  /** `file:line:column: message`, a line each, as compilers write it and editors read it. */
  lines(): string[] {
    return this.mistakes.map(({ line, column, message }) => `${this.file}:${line}:${column}: ${message}`);
  }
}

/** ` Did you mean "x"?` when one of `known` is close to `word`; otherwise the list of what is known. */
export function suggestion(word: string, known: readonly string[]): string {
  const [best] = known
    .map((candidate) => ({ candidate, distance: editDistance(word.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance);
  if (best && best.distance <= Math.max(1, Math.floor(best.candidate.length / 3)))
    return ` Did you mean "${best.candidate}"?`;
  return known.length > 0 ? ` Known: ${known.join(', ')}.` : '';
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
