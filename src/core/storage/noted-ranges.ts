import { createHash, randomInt, type Hash } from 'node:crypto';
import type { ReadRange } from '../database/records.js';
import type { ByteRange } from './archive-store.js';

/** Ranges that a full read notes, one in each equal part of the object, and their greatest length in bytes. */
const PARTS = 64;
export const RANGE_BYTES = 64 * 1024;

/** Objects up to this size are read as a whole whenever they are challenged: that costs less than to choose. */
export const READ_WHOLE_BYTES = PARTS * RANGE_BYTES;

/**
 * Random ranges of an object to be noted while it is read as a whole, for later challenges: whether one is still the same is known then from a read
 * that covered the whole.
 */
export function rangesToNote(bytes: number): ByteRange[] {
  const part = Math.max(1, Math.ceil(bytes / PARTS));
  return Array.from({ length: Math.ceil(bytes / part) }, (_, i) => {
    const { offset, bytes: length } = randomRange(Math.min(part, bytes - i * part));
    return { offset: i * part + offset, bytes: length };
  });
}

/** Digests ranges of an object while its bytes pass by. */
export class RangeNoter {
  private readonly ranges: (ByteRange & { hash: Hash })[];
  private position = 0;

  constructor(ranges: readonly ByteRange[]) {
    this.ranges = ranges.map((range) => ({ ...range, hash: createHash('sha256') }));
  }

  /** Takes the next bytes of the object. */
  add(chunk: Buffer): void {
    const from = this.position;
    const to = from + chunk.length;
    for (const { offset, bytes, hash } of this.ranges)
      if (offset < to && offset + bytes > from)
        hash.update(
          chunk.subarray(Math.max(0, offset - from), Math.min(chunk.length, offset + bytes - from)),
        );
    this.position = to;
  }

  /** What was noted; to be called once, at the end. */
  noted(): ReadRange[] {
    return this.ranges.map(({ offset, bytes, hash }) => ({ offset, bytes, sha256: hash.digest('hex') }));
  }
}

/** A random range of an object, of {@link RANGE_BYTES} where it has as many. */
export function randomRange(bytes: number): ByteRange {
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
