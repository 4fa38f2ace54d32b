import { createCipheriv, createHash } from 'node:crypto';

/** Numbers and bytes that follow from a seed alone, so that a failed run can be had again. */
export class Random {
  private state: number;

  constructor(readonly seed: number) {
    this.state = seed >>> 0;
  }

  /** From 0 up to, but not including, 1 (mulberry32). */
  fraction(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number, both ends included. */
  integer(from: number, to: number): number {
    return from + Math.floor(this.fraction() * (to - from + 1));
  }

  pick<T>(choices: readonly T[]): T {
    const choice = choices[Math.floor(this.fraction() * choices.length)];
    if (choice === undefined) throw new RangeError('nothing to pick from');
    return choice;
  }

  /** The same things in another order. */
  shuffled<T>(things: readonly T[]): T[] {
    const keyed = things.map((thing) => ({ thing, key: this.fraction() }));
    return keyed.sort((one, other) => one.key - other.key).map(({ thing }) => thing);
  }

  /** Bytes that do not compress, in blocks of at most 4 MiB. */
  *bytes(length: number): Generator<Buffer> {
    const key = createHash('sha256')
      .update(`${this.seed}/${this.integer(0, 2 ** 31)}`)
      .digest();
    const cipher = createCipheriv('aes-256-ctr', key, Buffer.alloc(16));
    const zeros = Buffer.alloc(Math.min(length, 4 * 1024 * 1024));
    for (let left = length; left > 0; left -= zeros.length) {
      yield cipher.update(zeros.subarray(0, Math.min(left, zeros.length)));
    }
  }
}

/** The seed of a test: taken from the environment when a run shall be repeated, else new. It is always printed. */
export function testSeed(print: (line: string) => void): number {
  const given = process.env['CDT_TEST_SEED'];
  const seed = given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(given);
  if (!Number.isSafeInteger(seed))
    throw new RangeError(`CDT_TEST_SEED must be a whole number, not ${given ?? ''}`);
  print(`seed ${seed} (repeat with CDT_TEST_SEED=${seed})`);
  return seed;
}
