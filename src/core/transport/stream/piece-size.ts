import { MIB, MOST_PIECE_BYTES } from './frames.js';

const LEAST_BYTES = 64 * 1024;
/** A piece that is gone within the first time is followed by one of twice the length, one that took the second by half of it; milliseconds. */
const QUICK_MS = 50;
const SLOW_MS = 150;
/** A journal, and what is told of it, stays short. */
const MOST_BLOCKS = 50_000;
const MOST_PIECES = 100_000;
/** So many pieces of a stream are on their way at once. */
const PIECES_ON_THE_WAY = 4;

/** How much of a file is read at once: the longest that a piece can be. */
export function blockBytes(fileBytes: number): number {
  return Math.min(MOST_PIECE_BYTES, Math.max(MIB, Math.ceil(fileBytes / MOST_BLOCKS)));
}

/**
 * How long the pieces of one stream are: as much as it sends within some 100 ms. A young or slow stream takes little, and does not hold up the
 * end of a file; and what a break of the line costs, half a piece for each stream, stays a share of the rate.
 */
export class PieceSize {
  #bytes = LEAST_BYTES;

  get bytes(): number {
    return this.#bytes;
  }

  /** Told how long a piece took to be gone. */
  took(milliseconds: number, length: number): void {
    // What was short for another reason says nothing about a longer one.
    if (milliseconds < QUICK_MS && length >= this.#bytes)
      this.#bytes = Math.min(MOST_PIECE_BYTES, 2 * this.#bytes);
    else if (milliseconds > SLOW_MS) this.#bytes = Math.max(LEAST_BYTES, this.#bytes / 2);
  }
}

/**
 * The length of a piece.
 *
 * @param appetite what the stream takes
 * @param share how much of what is on the way may be that of one stream
 */
export function pieceBytes(fileBytes: number, appetite: number, share: number): number {
  const least = Math.max(LEAST_BYTES, Math.ceil(fileBytes / MOST_PIECES));
  return Math.max(least, Math.min(appetite, Math.ceil(share / PIECES_ON_THE_WAY)));
}

/** Towards the end all streams shall end together: none takes more than half of its share of what is left. */
export function endingTogether(wanted: number, left: number, streams: number): number {
  return Math.min(wanted, Math.max(LEAST_BYTES, Math.ceil(left / (2 * streams))));
}
