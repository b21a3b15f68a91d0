/** The times of a run, on the lab's monotonic clock. */
export class RunClock {
  readonly startedAt = new Date().toISOString();
  readonly #began = performance.now();
  #stepsBegan: number | undefined;
  #stepsEnded: number | undefined;

  beginSteps(): void {
    this.#stepsBegan = performance.now();
  }

  /** @returns whether they had begun, and not ended yet */
  endSteps(): boolean {
    if (this.#stepsBegan === undefined || this.#stepsEnded !== undefined) return false;
    this.#stepsEnded = performance.now();
    return true;
  }

  get stepsBegan(): boolean {
    return this.#stepsBegan !== undefined;
  }

  /** Seconds since the first step began; 0 before. */
  now(): number {
    return this.#stepsBegan === undefined ? 0 : (performance.now() - this.#stepsBegan) / 1000;
  }

  /** From the run's beginning to its first step. */
  get setupSeconds(): number {
    return ((this.#stepsBegan ?? performance.now()) - this.#began) / 1000;
  }

  /** Of the steps. */
  get durationSeconds(): number {
    if (this.#stepsBegan === undefined) return 0;
    return ((this.#stepsEnded ?? performance.now()) - this.#stepsBegan) / 1000;
  }
}
