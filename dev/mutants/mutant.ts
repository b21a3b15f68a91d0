import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Demand } from './trial.ts';

/** One rule, broken on purpose. */
export interface Mutant {
  readonly name: string;
  /** The rule that it breaks, in a sentence. */
  readonly rule: string;
  readonly edits: readonly Edit[];
  /** A scenario of the library, or one of the probes. */
  readonly scenario: string;
  /** Where no PostgreSQL server is installed, its scenario can't be run. */
  readonly needsPostgres?: true;
  /**
   * What the run of the broken copy must say. Nothing else kills the mutant: a run that fails for another reason, or breaks down, has
   * not noticed this one.
   */
  readonly becomes: Demand;
}

/** `find` stands exactly once in the file (a path below the root). */
export interface Edit {
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** A sentence for each edit that does not fit the tree any more: the code has moved on, and the mutant must follow. */
export function staleEdits({ edits }: Mutant, root: string): string[] {
  return edits.flatMap(({ file, find }) => {
    const count = textOf(root, file).split(find).length - 1;
    return count === 1 ? [] : [`${file} has this text ${count} times instead of once: ${find.trim()}`];
  });
}

export function applyEdits({ edits }: Mutant, root: string): void {
  for (const { file, find, replace } of edits) {
    // As a function, so that no `$` in the replacement means anything.
    writeFileSync(
      path.join(root, file),
      textOf(root, file).replace(find, () => replace),
    );
  }
}

function textOf(root: string, file: string): string {
  try {
    return readFileSync(path.join(root, file), 'utf8');
  } catch {
    return '';
  }
}
