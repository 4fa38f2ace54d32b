import { createHash } from 'node:crypto';
import { takeDigest, type DigestSession } from './digest-session.js';
import { BLOCK_BYTES } from './shared-blocks.js';
import type { Lease } from './threads.js';

/** A SHA-256 of blocks as `throughBlocks` gives them: in a thread, but for what fits into one block, which is not worth one. */
export class BlockDigest {
  readonly #small = createHash('sha256');
  #thread: Promise<Lease<DigestSession>> | undefined;

  /** Takes the next block; a shorter one is the last. */
  async update(block: Buffer): Promise<void> {
    if (this.#thread === undefined && block.length < BLOCK_BYTES) {
      this.#small.update(block);
      return;
    }
    this.#thread ??= takeDigest();
    await (await this.#thread).session.update(block);
  }

  /** Hex digest of all of them, once their updates have ended; nothing can be added any more. */
  async digest(): Promise<string> {
    return this.#thread === undefined
      ? this.#small.digest('hex')
      : await (await this.#thread).session.digest();
  }

  /** Ends the use of it. */
  async close(): Promise<void> {
    const [taken] = await Promise.allSettled([this.#thread]);
    if (taken.status === 'fulfilled') taken.value?.release();
  }
}
