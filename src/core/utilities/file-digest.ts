import { BlockDigest } from './block-digest.js';
import { beside } from './settled.js';
import { throughFile, type ThroughOptions } from './shared-blocks.js';

/**
 * Reads a file from the disk; its size and SHA-256 (hex).
 *
 * @param options `flags` of its opening; `onBytes` is called with the bytes in their order, to be used at once; `pace` with how many were read, and few more are
 *   read until it has ended
 * @throws the errors of the system
 */
export async function digestOfFile(
  path: string,
  options: ThroughOptions & {
    flags?: number;
    onBytes?: (bytes: Buffer) => void;
    pace?: (bytes: number) => Promise<void>;
  },
): Promise<{ bytes: number; sha256: string }> {
  const { onBytes, pace, ...through } = options;
  const whole = new BlockDigest();
  try {
    const bytes = await throughFile(path, through, async (block) => {
      onBytes?.(block);
      await beside(whole.update(block), async () => pace?.(block.length));
    });
    return { bytes, sha256: await whole.digest() };
  } finally {
    await whole.close();
  }
}
