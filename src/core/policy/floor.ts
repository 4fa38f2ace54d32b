/** The least that work must do to count as alive: so many bytes per second, over a window. */
export interface Floor {
  bytesPerSecond: number;
  windowSeconds: number;
}

/**
 * Watches whether bytes move fast enough. A stream that drips a byte now and then moves, and is of no use to anybody: below the
 * floor over a whole window the work counts as dead. Time in which the work was held back on purpose does not count.
 */
export class FloorWatch {
  /** Of time that counts, in milliseconds, and bytes moved until then; one sample for each call of `at`, the oldest a window ago. */
  readonly #samples: { time: number; bytes: number }[] = [{ time: 0, bytes: 0 }];
  #time = 0;
  #bytes = 0;
  #last = 0;
  #now: number;

  #floor: Floor;

  constructor(floor: Floor, now: number) {
    this.#floor = floor;
    this.#now = now;
  }

  /** Changes the floor; what was seen so far counts by the new one. */
  moveTo(floor: Floor): void {
    this.#floor = floor;
  }

  /** Tells how far the work stands; a count that falls (a part is sent again) is bytes that move too. */
  progress(bytesDone: number): void {
    this.#bytes += Math.abs(bytesDone - this.#last);
    this.#last = bytesDone;
  }

  /** Time from now on in which the work is held back by a limit, in milliseconds. */
  heldBack(milliseconds: number): void {
    this.#time -= milliseconds;
  }

  /** `alive` and `dead` are said of a whole window; before one is over, it is `early`. */
  at(now: number): 'early' | 'alive' | 'dead' {
    this.#time += now - this.#now;
    this.#now = now;
    const time = Math.max(this.#time, this.#samples.at(-1)?.time ?? 0);
    this.#samples.push({ time, bytes: this.#bytes });
    const begin = time - this.#floor.windowSeconds * 1000;
    while ((this.#samples[1]?.time ?? Infinity) <= begin) this.#samples.shift();
    const [oldest] = this.#samples;
    if (oldest === undefined || oldest.time > begin || begin < 0) return 'early';
    const rate = ((this.#bytes - oldest.bytes) * 1000) / Math.max(1, time - oldest.time);
    return rate >= this.#floor.bytesPerSecond ? 'alive' : 'dead';
  }

  /** Bytes per second over the last window, or since the beginning. */
  rate(): number {
    const [oldest] = this.#samples;
    const newest = this.#samples.at(-1);
    if (oldest === undefined || newest === undefined || newest.time === oldest.time) return 0;
    return ((newest.bytes - oldest.bytes) * 1000) / (newest.time - oldest.time);
  }
}
