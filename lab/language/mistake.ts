import { PeerLabError } from '#proto/errors.ts';
import { counted } from '#proto/units.ts';

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

/** Nobody reads more of them at once. */
const MAX_SHOWN = 50;
const MAX_MESSAGE_CHARACTERS = 1000;

function cropped(message: string): string {
  return message.length > MAX_MESSAGE_CHARACTERS ? `${message.slice(0, MAX_MESSAGE_CHARACTERS)}…` : message;
}

/** All the mistakes of a file at once; nothing was started. */
export class ScenarioInvalid extends PeerLabError {
  readonly file: string;
  readonly mistakes: readonly Mistake[];

  constructor(file: string, mistakes: readonly Mistake[]) {
    super('scenario-invalid', { about: file, got: counted(mistakes.length, 'mistake') });
    this.file = file;
    this.mistakes = [...mistakes].sort((a, b) => a.line - b.line || a.column - b.column);
  }

  /** `file:line:column: message`, a line each, as compilers write it and editors read it; the first of them, and how many more. */
  lines(): string[] {
    const shown = this.mistakes
      .slice(0, MAX_SHOWN)
      .map(({ line, column, message }) => `${this.file}:${line}:${column}: ${cropped(message)}`);
    const more = this.mistakes.length - shown.length;
    return more > 0 ? [...shown, `${this.file}: and ${more} more mistakes`] : shown;
  }
}
