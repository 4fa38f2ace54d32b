import { open } from 'node:fs/promises';
import { StorageError } from '../exceptions.js';
import type { ArchiveStore } from '../storage/archive-store.js';
import { classifyDiskError } from '../utilities/disk.js';
import { inOrder } from '../utilities/in-order.js';

/** A package in an archive, readable from any place. */
export interface ByteSource {
  /** Exactly these bytes, in a buffer that nobody else writes. */
  read(offset: number, length: number): Promise<Buffer>;
  /** Where the bytes are on this host's own disk; absent where they come from elsewhere. */
  file?: string;
}

const PIECE = 8 * 1024 * 1024;
/** Pieces asked for at the same time: over a long way one alone would wait more than it moves. */
const AHEAD = 4;

export function sourceInStore(store: ArchiveStore, key: string): ByteSource {
  return { read: (offset, length) => store.readRange(key, offset, length) };
}

/** A file on a disk of this host. Errors of reading are those of `classifyDiskError`. */
export function sourceOnDisk(path: string): ByteSource {
  return {
    file: path,
    read: async (offset, length) => {
      try {
        const file = await open(path, 'r');
        try {
          const buffer = Buffer.alloc(length);
          const { bytesRead } = await file.read(buffer, 0, length, offset);
          if (bytesRead === length) return buffer;
          throw new StorageError(`${path} ends before byte ${offset + length}`, { subject: path });
        } finally {
          await file.close();
        }
      } catch (error) {
        throw classifyDiskError(error, { operation: 'staging', subject: path });
      }
    },
  };
}

/** The bytes from one place to another, in order. */
export async function* readPieces(
  source: ByteSource,
  from: number,
  to: number,
  signal?: AbortSignal,
): AsyncGenerator<Buffer> {
  const offsets = function* () {
    for (let at = from; at < to; at += PIECE) yield at;
  };
  for await (const piece of inOrder(offsets(), AHEAD, (at) => source.read(at, Math.min(PIECE, to - at)))) {
    signal?.throwIfAborted();
    yield piece;
  }
}
