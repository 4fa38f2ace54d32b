import { createHash, randomInt, type Hash } from 'node:crypto';
import type { ReadRange } from '../database/records.js';

/** Ranges that a full read notes, one in each equal part of the object, and their greatest length in bytes. */
const PARTS = 64;
export const RANGE_BYTES = 64 * 1024;

/** Objects up to this size are read as a whole whenever they are challenged: that costs less than to choose. */
export const READ_WHOLE_BYTES = PARTS * RANGE_BYTES;

/**
 * Digests random ranges of an object while its bytes pass by, for later challenges: whether a range is still the same is known then
 * from a read that covered the whole.
 */
export class RangeNoter {
  private readonly ranges: { offset: number; end: number; hash: Hash }[];
  private position = 0;

  constructor(bytes: number) {
    const part = Math.max(1, Math.ceil(bytes / PARTS));
    this.ranges = Array.from({ length: Math.ceil(bytes / part) }, (_, i) => {
      const { offset, bytes: length } = randomRange(Math.min(part, bytes - i * part));
      return { offset: i * part + offset, end: i * part + offset + length, hash: createHash('sha256') };
    });
  }

  /** Takes the next bytes of the object. */
  add(chunk: Buffer): void {
    const from = this.position;
    const to = from + chunk.length;
    for (const range of this.ranges)
      if (range.offset < to && range.end > from)
        range.hash.update(
          chunk.subarray(Math.max(0, range.offset - from), Math.min(chunk.length, range.end - from)),
        );
    this.position = to;
  }

  /** What was noted; to be called once, at the end. */
  noted(): ReadRange[] {
    return this.ranges.map(({ offset, end, hash }) => ({
      offset,
      bytes: end - offset,
      sha256: hash.digest('hex'),
    }));
  }
}

/** A random range of an object, of {@link RANGE_BYTES} where it has as many. */
export function randomRange(bytes: number): { offset: number; bytes: number } {
  const length = Math.min(RANGE_BYTES, bytes);
  return { offset: randomInt(0, bytes - length + 1), bytes: length };
}

/** Some of these, at random. */
export function someOf<T>(items: readonly T[], count: number): T[] {
  const left = [...items];
  const taken: T[] = [];
  while (taken.length < count && left.length > 0) taken.push(...left.splice(randomInt(0, left.length), 1));
  return taken;
}
