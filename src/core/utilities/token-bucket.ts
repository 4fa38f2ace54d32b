import { setTimeout as sleep } from 'node:timers/promises';

/** So much may pass at once after a pause, in seconds of the rate: short bursts keep the line busy, long ones break the limit. */
const BURST_SECONDS = 1;

/** A limit of bytes per second that several streams share. */
export class TokenBucket {
  #rate: number;
  /** When the last byte that was granted is due, in milliseconds of the clock. */
  #due: number;

  /**
   * @param bytesPerSecond above 0
   * @param clock milliseconds; goes on evenly
   */
  constructor(
    bytesPerSecond: number,
    private readonly clock: () => number = () => performance.now(),
  ) {
    this.#rate = bytesPerSecond;
    this.#due = clock();
  }

  get bytesPerSecond(): number {
    return this.#rate;
  }

  /** Changes the limit; what was granted keeps its time. */
  limitTo(bytesPerSecond: number): void {
    this.#rate = bytesPerSecond;
  }

  /**
   * Grants bytes, and says after how many milliseconds they may go. Those who ask at once get their turns one after the
   * other, so that each stream gets its share.
   */
  reserve(bytes: number): number {
    const now = this.clock();
    this.#due = Math.max(this.#due, now - BURST_SECONDS * 1000) + (bytes * 1000) / this.#rate;
    return Math.max(0, this.#due - now);
  }

  /**
   * Waits until these bytes may go. Throws the signal's reason when it is aborted.
   *
   * @param options.onWait told before a wait how long it will be, in milliseconds
   */
  async take(
    bytes: number,
    options: { signal?: AbortSignal; onWait?: (milliseconds: number) => void } = {},
  ): Promise<void> {
    const wait = this.reserve(bytes);
    if (wait < 1) return;
    options.onWait?.(wait);
    try {
      await sleep(wait, undefined, { signal: options.signal });
    } catch (error) {
      options.signal?.throwIfAborted();
      throw error;
    }
  }
}

/** One bucket for each name, for all streams of a process. */
export class TokenBuckets {
  readonly #buckets = new Map<string, TokenBucket>();

  /** The bucket of this name, at this rate from now on; none where there is no limit. */
  of(name: string, bytesPerSecond: number | undefined): TokenBucket | undefined {
    if (bytesPerSecond === undefined) return undefined;
    const known = this.#buckets.get(name);
    if (known !== undefined) {
      known.limitTo(bytesPerSecond);
      return known;
    }
    const made = new TokenBucket(bytesPerSecond);
    this.#buckets.set(name, made);
    return made;
  }
}
