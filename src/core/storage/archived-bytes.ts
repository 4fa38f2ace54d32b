import { createHash } from 'node:crypto';
import { DataCorruptionError } from '../exceptions.js';
import type { ReadOptions } from './archive-store.js';

/** What archives of every kind do alike with the bytes that they store and read back. */

/** A small document is read whole; what is larger than this, in bytes, is none of ours. */
export const MAX_JSON_BYTES = 1024 * 1024;

/** A small document, or undefined for what is no JSON. */
export function parsedOrUndefined(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/**
 * Counts and digests what is read back, piece by piece, and tells of each as the options ask for it. Not in a thread: to bring such small
 * pieces into memory that a thread sees takes as long as to digest them.
 */
export async function digested(
  chunks: AsyncIterable<unknown>,
  options: ReadOptions = {},
): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const piece of chunks) {
    const chunk = piece as Buffer;
    options.signal?.throwIfAborted();
    hash.update(chunk);
    options.onBytes?.(chunk);
    bytes += chunk.length;
    options.onProgress?.(bytes);
    await options.pace?.(chunk.length);
  }
  return { bytes, sha256: hash.digest('hex') };
}

/** A package that is not what its digest says is not archived. */
export function otherSize(name: string, found: number, expected: number): DataCorruptionError {
  return damaged(name, `it has ${found} bytes instead of ${expected}`);
}

export function otherDigest(name: string): DataCorruptionError {
  return damaged(name, 'its SHA-256 is not that of the package');
}

function damaged(name: string, how: string): DataCorruptionError {
  return new DataCorruptionError(`${name} is damaged: ${how}`, {
    operation: 'long_term_archive_transfer',
    subject: name,
    advice: 'This copy must not be archived. Have the package sent again from a good copy.',
  });
}
