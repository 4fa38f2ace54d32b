import { open } from 'node:fs/promises';
import { DataCorruptionError } from '../exceptions.js';
import { classifyDiskError } from '../utilities/disk.js';
import type { ArchiveStore, ByteSource } from './archive-store.js';

const OPERATION = 'long_term_archive_transfer';

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
  const file = await onDisk(open(path, 'r'));
  return {
    name: path,
    size: async () => (await onDisk(file.stat())).size,
    read: async (offset, piece) => {
      for (let at = 0; at < piece.length;) {
        const { bytesRead } = await onDisk(file.read(piece, at, piece.length - at, offset + at));
        if (bytesRead === 0) throw new DataCorruptionError(`${path} ended before its size`, about);
        at += bytesRead;
      }
    },
    close: () => file.close(),
  };
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
