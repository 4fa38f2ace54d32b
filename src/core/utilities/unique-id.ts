import { randomBytes } from 'node:crypto';

/** The last identifier's time in milliseconds, and its number within that millisecond (12 bits). */
let last = { time: 0, number: 0 };

/**
 * A new identifier: UUID version 7 (RFC 9562), whose first 48 bits are the time in milliseconds, so that rows made
 * one after the other lie side by side in an index. Within one millisecond a counter keeps this process's identifiers in the order in
 * which they were made (RFC 9562, section 6.2, method 1).
 */
export function uniqueId(now: number = Date.now()): string {
  last = following(last, now);
  const bytes = randomBytes(16);
  bytes.writeUIntBE(last.time, 0, 6);
  bytes.writeUInt16BE(0x7000 | last.number, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** A counter that begins low leaves room to count; one that is full borrows from the next millisecond. */
function following(before: typeof last, now: number): typeof last {
  if (now !== before.time && (now > before.time || before.time - now > BORROWED))
    return { time: now, number: 0 };
  return before.number < 0xfff
    ? { time: before.time, number: before.number + 1 }
    : { time: before.time + 1, number: 0 };
}

/** A clock that is further behind than this was set back, or is a test's own: it is followed. Milliseconds. */
const BORROWED = 1000;
