/** An act that counts for everybody who asked before it began: those who ask while one runs share the next. */
export class Grouped {
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  constructor(private readonly act: () => Promise<void>) {}

  run(): Promise<void> {
    if (this.#running === undefined) return (this.#running = this.#begin());
    this.#next ??= this.#running.then(ignore, ignore).then(() => {
      this.#next = undefined;
      return (this.#running = this.#begin());
    });
    return this.#next;
  }

  async #begin(): Promise<void> {
    try {
      await this.act();
    } finally {
      this.#running = undefined;
    }
  }
}

/** Each who asked is told how its own run ended. */
function ignore(): void {
  // Nothing to do.
}
