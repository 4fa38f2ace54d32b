import { Readable } from 'node:stream';
import { inOrder } from '../utilities/in-order.js';
import { giveBlock, inTurn, takeBlock } from '../utilities/shared-blocks.js';
import type { ByteSource, TransferOptions } from './archive-store.js';

const BLOCK_BYTES = 1024 * 1024;
const READ_AHEAD = 2;
/** Besides those that are read, one waits in the stream, one is with the socket: a pipe takes a block only when the one before is written. */
const BLOCKS = READ_AHEAD + 3;

/** The body of a request that sends a whole object. */
export interface ObjectStream {
  /** To be read by a pipe alone. */
  body: Readable;
  /** Gives its memory back; to be called when the request was answered, and never where it was broken off: it may hold on to a block. */
  giveBack: () => void;
}

/** Reads an object while it is sent. */
export function objectStream(
  source: ByteSource,
  bytes: number,
  onProgress: TransferOptions['onProgress'],
): ObjectStream {
  const blocks = Array.from({ length: BLOCKS }, () => takeBlock(BLOCK_BYTES));
  return {
    body: Readable.from(filled(blocks, source, bytes, onProgress), { objectMode: false, highWaterMark: 1 }),
    giveBack: () => blocks.forEach(giveBlock),
  };
}

async function* filled(
  blocks: Buffer[],
  source: ByteSource,
  bytes: number,
  onProgress: TransferOptions['onProgress'],
): AsyncGenerator<Buffer> {
  const read = async ({ at, piece }: Piece): Promise<Piece> => {
    await source.read(at, piece);
    return { at, piece };
  };
  for await (const { at, piece } of inOrder(piecesOf(bytes, blocks), READ_AHEAD, read)) {
    yield piece;
    onProgress?.(at + piece.length);
  }
}

interface Piece {
  /** Where in the object it begins. */
  at: number;
  piece: Buffer;
}

function* piecesOf(bytes: number, blocks: Buffer[]): Generator<Piece> {
  const turns = inTurn(blocks);
  for (let at = 0; at < bytes; at += BLOCK_BYTES)
    yield { at, piece: turns.next().value.subarray(0, Math.min(BLOCK_BYTES, bytes - at)) };
}
