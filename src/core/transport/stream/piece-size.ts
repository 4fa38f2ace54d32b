import { MIB, MOST_PIECE_BYTES } from './frames.js';

const LEAST_BYTES = MIB / 4;
/** What all streams together have begun and not finished: a break of the line loses half of it on average. */
const BEGUN_BYTES = 16 * MIB;
/** A journal, and what is told of it, stays short. */
const MOST_PIECES = 100_000;

/**
 * How long the next piece shall be. With more streams each takes less, so that what a break of the line costs stays the same; towards the end
 * of a file pieces become smaller, so that all streams end together; and no file has so many that telling of them takes long.
 *
 * @param left bytes of the file that are still to be cut
 */
export function pieceBytes(file: { bytes: number; left: number }, streams: number): number {
  const least = Math.max(LEAST_BYTES, Math.ceil(file.bytes / MOST_PIECES));
  const share = Math.min(BEGUN_BYTES / streams, file.left / (2 * streams));
  return Math.min(file.left, MOST_PIECE_BYTES, Math.max(least, Math.ceil(share)));
}
