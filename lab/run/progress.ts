/** What a run tells while it works; the terminal shows it, tests ignore it. */
export interface Progress {
  /** A phase or a step begins; the one before it is over. */
  begin(what: string): void;
  /** How far it is. */
  advance(done: number, total: number): void;
  /** Something worth a line of its own. */
  note(what: string): void;
  /** The phase under way is over. */
  end(how?: string): void;
}
