import { Readable } from 'node:stream';
import { takeDigest } from '../utilities/digest-session.js';
import { giveBlock, takeBlock } from '../utilities/shared-blocks.js';
import type { ByteSource, TransferOptions } from './archive-store.js';
import { otherDigest } from './archived-bytes.js';

const BLOCK_BYTES = 1024 * 1024;
/** One is filled, one waits in the stream, one is with the socket: a pipe takes a block only when the one before is written. */
const BLOCKS = 4;

/** The body of a request that sends a whole object. */
export interface ObjectStream {
  /** To be read by a pipe alone. */
  body: Readable;
  /** Gives its memory back; to be called when the request was answered, and never where it was broken off: it may hold on to a block. */
  giveBack: () => void;
}

/**
 * Reads and digests an object while it is sent. The last block comes only when the digest of all of it is the right one: of a damaged source no
 * store ever gets a whole object.
 */
export function objectStream(
  source: ByteSource,
  expected: { bytes: number; sha256: string },
  onProgress: TransferOptions['onProgress'],
): ObjectStream {
  const blocks = Array.from({ length: BLOCKS }, () => takeBlock(BLOCK_BYTES));
  return {
    body: Readable.from(filled(blocks, source, expected, onProgress), {
      objectMode: false,
      highWaterMark: 1,
    }),
    giveBack: () => blocks.forEach(giveBlock),
  };
}

async function* filled(
  blocks: Buffer[],
  source: ByteSource,
  { bytes, sha256 }: { bytes: number; sha256: string },
  onProgress: TransferOptions['onProgress'],
): AsyncGenerator<Buffer> {
  const whole = await takeDigest();
  try {
    for (let at = 0; at < bytes; at += BLOCK_BYTES) {
      const block = blocks[(at / BLOCK_BYTES) % BLOCKS] as Buffer;
      const piece = block.subarray(0, Math.min(BLOCK_BYTES, bytes - at));
      await source.read(at, piece);
      await whole.session.update(piece);
      const isLast = at + piece.length === bytes;
      if (isLast && (await whole.session.digest()) !== sha256) throw otherDigest(source.name);
      yield piece;
      onProgress?.(at + piece.length);
    }
  } finally {
    whole.release();
  }
}
