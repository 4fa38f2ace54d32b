import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { classifyDiskError } from './disk.js';
import { printable } from './printable.js';

/**
 * The digest of a file in hex, streamed: what is held is one piece of it.
 *
 * @param algorithm one of Node's, SHA-256 where nothing is said: that of the manifests and of the catalogue
 * @param options `signal` ends it, with its reason; `onProgress` is told the bytes read so far
 * @throws PermanentError for a file that is missing or can't be read, StorageError for a disk that fails
 */
export async function calculateChecksum(
  path: string,
  algorithm: 'sha256' | 'sha512' | 'md5' = 'sha256',
  { signal, onProgress }: { signal?: AbortSignal; onProgress?: (bytesDone: number) => void } = {},
): Promise<string> {
  const hash = createHash(algorithm);
  let done = 0;
  try {
    for await (const piece of createReadStream(path, { highWaterMark: 1024 * 1024 })) {
      signal?.throwIfAborted();
      hash.update(piece as Buffer);
      onProgress?.((done += (piece as Buffer).length));
    }
  } catch (error) {
    throw classifyDiskError(error, { subject: printable(path) });
  }
  return hash.digest('hex');
}
