import { outcomeOf, settled } from './settled.js';

/** Work on its way, up to a width; its first failure is thrown by whoever adds or waits next. */
export class InFlight {
  readonly #width: () => number;
  readonly #running: Promise<PromiseSettledResult<unknown>>[] = [];

  /** @param width how much may be on its way, also where that changes meanwhile */
  constructor(width: number | (() => number)) {
    this.#width = typeof width === 'number' ? () => width : width;
  }

  /** Adds work, and waits, the oldest first, until less than the width is on its way. */
  async add(work: Promise<unknown>): Promise<void> {
    this.#running.push(settled(work));
    while (this.#running.length >= this.#width()) await this.#first();
  }

  async drain(): Promise<void> {
    while (this.#running.length > 0) await this.#first();
  }

  /** Waits for the end of everything, failed or not: nobody may close a file or use memory under it. */
  async settle(): Promise<void> {
    await Promise.all(this.#running);
  }

  async #first(): Promise<void> {
    const outcome = await this.#running.shift();
    if (outcome !== undefined) outcomeOf(outcome);
  }
}
