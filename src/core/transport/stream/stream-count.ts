/** Streams that large amounts begin with. */
export const FIRST_STREAMS = 32;
/** More streams stay only where the rate rises by this much. */
const GAIN = 1.1;
/** Looks that say nothing yet after a change, and looks whose mean counts. */
const SETTLING = 3;
const MEASURED = 3;
/** Looks before trying again what did not help. */
const PATIENCE = 120;

/**
 * How many streams a line wants: once the rate is known, twice as many are tried; where that raises the rate they stay, else they go again.
 * Told twice a second what the rate was; a time in which there was not always something to send says nothing about the line.
 */
export class StreamCount {
  readonly #most: number;
  #streams: number;
  /** Since the last change. */
  #rates: number[] = [];
  /** The count before the trial that is under way, and its rate. */
  #before: { streams: number; rate: number } | undefined;
  #pause = 0;

  constructor(most: number, first = FIRST_STREAMS) {
    this.#most = most;
    this.#streams = Math.min(first, most);
  }

  get streams(): number {
    return this.#streams;
  }

  /** @returns how many there shall be from now on */
  look(bytesPerSecond: number): number {
    if (this.#pause > 0) this.#pause--;
    else this.#rates.push(bytesPerSecond);
    if (this.#rates.length < SETTLING + MEASURED) return this.#streams;
    const rate = this.#rates.slice(SETTLING).reduce((sum, one) => sum + one) / MEASURED;
    this.#rates = [];
    if (this.#before === undefined || rate >= GAIN * this.#before.rate) this.#try(rate);
    else {
      this.#streams = this.#before.streams;
      this.#before = undefined;
      this.#pause = PATIENCE;
    }
    return this.#streams;
  }

  #try(rate: number): void {
    const more = Math.min(this.#most, 2 * this.#streams);
    this.#before = more === this.#streams ? undefined : { streams: this.#streams, rate };
    this.#streams = more;
    if (this.#before === undefined) this.#pause = PATIENCE;
  }
}
