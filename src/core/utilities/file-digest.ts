import { takeDigest } from './digest-session.js';
import { throughFile } from './shared-blocks.js';

/**
 * Reads a file from the disk; its size and SHA-256 (hex).
 *
 * @param options `onProgress` is called with the bytes read so far
 * @throws the errors of the system
 */
export async function digestOfFile(
  path: string,
  options: { signal?: AbortSignal; onProgress?: (bytesDone: number) => void },
): Promise<{ bytes: number; sha256: string }> {
  const whole = await takeDigest();
  try {
    const bytes = await throughFile(path, options, (block) => whole.session.update(block));
    return { bytes, sha256: await whole.session.digest() };
  } finally {
    whole.release();
  }
}
