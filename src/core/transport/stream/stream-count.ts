/** Streams that large amounts begin with. */
export const FIRST_STREAMS = 16;
/** More streams stay only where the rate rises by this much. */
const GAIN = 1.1;
/** A rate that changes less than this from one look to the next has settled. */
const SETTLED = 0.1;
/** Looks before trying again what did not help. */
const PATIENCE = 60;

/**
 * How many streams a line wants: once the rate has settled, twice as many are tried; where that raises the rate they stay, else they go again.
 * Told once a second what the rate was; a second in which there was not always something to send says nothing about the line.
 */
export class StreamCount {
  readonly #most: number;
  #streams: number;
  #lastRate = 0;
  /** The count before the trial that is under way, and its rate. */
  #before: { streams: number; rate: number } | undefined;
  #looks = 0;

  constructor(most: number, first = FIRST_STREAMS) {
    this.#most = most;
    this.#streams = Math.min(first, most);
  }

  get streams(): number {
    return this.#streams;
  }

  /** @returns how many there shall be from now on */
  look(bytesPerSecond: number): number {
    this.#looks++;
    const isSettled =
      this.#looks > 1 && Math.abs(bytesPerSecond - this.#lastRate) <= SETTLED * bytesPerSecond;
    this.#lastRate = bytesPerSecond;
    if (!isSettled) return this.#streams;
    if (this.#before === undefined) {
      if (this.#looks >= 0) this.#try(bytesPerSecond);
    } else if (bytesPerSecond < GAIN * this.#before.rate) {
      this.#streams = this.#before.streams;
      this.#before = undefined;
      this.#looks = -PATIENCE;
    } else this.#try(bytesPerSecond);
    return this.#streams;
  }

  #try(rate: number): void {
    const more = Math.min(this.#most, 2 * this.#streams);
    this.#before = more === this.#streams ? undefined : { streams: this.#streams, rate };
    this.#streams = more;
    this.#looks = 0;
  }
}
