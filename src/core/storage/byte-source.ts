import { DataCorruptionError } from '../exceptions.js';
import { takeDigest } from '../utilities/digest-session.js';
import { DirectFile } from '../utilities/direct-file.js';
import { classifyDiskError } from '../utilities/disk.js';
import { giveBlock, takeBlock } from '../utilities/shared-blocks.js';
import type { ArchiveStore, ByteSource } from './archive-store.js';

const OPERATION = 'long_term_archive_transfer';
const BLOCK_BYTES = 1024 * 1024;

/** A file as a source of bytes. */
export async function fileSource(path: string): Promise<ByteSource> {
  const about = { operation: OPERATION, subject: path };
  const onDisk = async <T>(act: Promise<T>): Promise<T> => {
    try {
      return await act;
    } catch (error) {
      throw classifyDiskError(error, about);
    }
  };
  const file = await onDisk(DirectFile.open(path));
  return {
    name: path,
    size: async () => (await onDisk(file.handle.stat())).size,
    read: async (offset, piece) => {
      if ((await onDisk(file.read(piece, offset))) < piece.length)
        throw new DataCorruptionError(`${path} ended before its size`, about);
    },
    close: () => file.close(),
  };
}

/** SHA-256 (hex) of what a source gives now. */
export async function digestOfSource(source: ByteSource, bytes: number): Promise<string> {
  const whole = await takeDigest();
  const block = takeBlock(BLOCK_BYTES);
  try {
    for (let at = 0; at < bytes; at += BLOCK_BYTES) {
      const piece = block.subarray(0, Math.min(BLOCK_BYTES, bytes - at));
      await source.read(at, piece);
      await whole.session.update(piece);
    }
    return await whole.session.digest();
  } finally {
    whole.release();
    giveBlock(block);
  }
}

/** An object of a store as a source of bytes: a copy from archive to archive needs no space of its own. */
export function objectSource(store: ArchiveStore, key: string, bytes: number): ByteSource {
  return {
    name: key,
    size: () => Promise.resolve(bytes),
    read: async (offset, piece) => {
      (await store.readRange(key, offset, piece.length)).copy(piece);
    },
    close: () => Promise.resolve(),
  };
}
