import { DataTransferError } from '../../exceptions.js';
import { MOST_PIECE_BYTES } from './frames.js';
import { Ranges } from './ranges.js';

/** A piece of a file that is somewhere on disk. */
export interface Piece {
  offset: number;
  length: number;
  /** Hex. */
  sha256: string;
}

const PIECE_BYTES = 8 + 4 + 32;
/** No more pieces are told; what is not told is sent again. */
export const MOST_TOLD = Math.floor(MOST_PIECE_BYTES / PIECE_BYTES);

/** Writes where a piece lies and its digest: 44 bytes. */
export function writePiece({ offset, length, sha256 }: Piece, into: Buffer, at: number): void {
  into.writeBigUInt64BE(BigInt(offset), at);
  into.writeUInt32BE(length, at + 8);
  into.write(sha256, at + 12, 32, 'hex');
}

export function readPiece(from: Buffer, at: number): Piece {
  return {
    offset: Number(from.readBigUInt64BE(at)),
    length: from.readUInt32BE(at + 8),
    sha256: from.toString('hex', at + 12, at + PIECE_BYTES),
  };
}

/** Pieces as the body of a frame. */
export function encodePieces(pieces: Piece[]): Buffer {
  const body = Buffer.allocUnsafe(pieces.length * PIECE_BYTES);
  pieces.forEach((piece, index) => writePiece(piece, body, index * PIECE_BYTES));
  return body;
}

/**
 * @param bytes of the file in which they lie
 * @returns in their order, none over another
 * @throws DataTransferError for a body that holds anything else
 */
export function decodePieces(body: Buffer, bytes: number): Piece[] {
  const pieces: Piece[] = [];
  let end = 0;
  for (let at = 0; at < body.length; at += PIECE_BYTES) {
    const piece = body.length - at < PIECE_BYTES ? undefined : readPiece(body, at);
    if (piece === undefined || piece.offset < end || piece.length < 1 || piece.offset + piece.length > bytes)
      throw new DataTransferError('the other end tells of pieces that can not be');
    end = piece.offset + piece.length;
    pieces.push(piece);
  }
  return pieces;
}

/** Of pieces in the order in which they came, those of which all is as it came, ordered by place: no later one lies over them. */
export function current(pieces: readonly Piece[]): Piece[] {
  const taken = new Ranges();
  const counting: Piece[] = [];
  for (const piece of pieces.toReversed()) {
    const end = piece.offset + piece.length;
    if (!taken.touches(piece.offset, end)) counting.push(piece);
    taken.add(piece.offset, end);
  }
  return counting.sort((one, other) => one.offset - other.offset);
}
