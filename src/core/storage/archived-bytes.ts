import { createHash } from 'node:crypto';
import { DataCorruptionError } from '../exceptions.js';
import { takeDigest, type DigestSession } from '../utilities/digest-session.js';
import { InFlight } from '../utilities/in-flight.js';
import { blocksInTurn } from '../utilities/shared-blocks.js';
import type { Lease } from '../utilities/threads.js';
import type { ReadOptions } from './archive-store.js';

/** What archives of every kind do alike with the bytes that they store and read back. */

/** A small document is read whole; what is larger than this, in bytes, is none of ours. */
export const MAX_JSON_BYTES = 1024 * 1024;

const BLOCK_BYTES = 1024 * 1024;
/** Blocks that the thread has at a time. */
const IN_USE = 3;

/** A small document, or undefined for what is no JSON. */
export function parsedOrUndefined(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Counts and digests what is read back, piece by piece, and tells of each as the options ask for it. */
export async function digested(
  chunks: AsyncIterable<unknown>,
  options: ReadOptions = {},
): Promise<{ bytes: number; sha256: string }> {
  const hash = new GatheringDigest();
  let bytes = 0;
  try {
    for await (const piece of chunks) {
      const chunk = piece as Buffer;
      options.signal?.throwIfAborted();
      await hash.add(chunk);
      options.onBytes?.(chunk);
      bytes += chunk.length;
      options.onProgress?.(bytes);
      await options.pace?.(chunk.length);
    }
    return { bytes, sha256: await hash.digest() };
  } finally {
    await hash.close();
  }
}

/** A SHA-256 of bytes that come in small pieces: they are gathered into blocks that a thread digests. */
class GatheringDigest {
  readonly #blocks = blocksInTurn(1 + IN_USE, BLOCK_BYTES);
  readonly #flight = new InFlight(IN_USE);
  #block: Buffer = Buffer.alloc(0);
  #filled = 0;
  #thread: Lease<DigestSession> | undefined;

  async add(chunk: Buffer): Promise<void> {
    for (let at = 0; at < chunk.length;) {
      if (this.#filled === this.#block.length) await this.#turn();
      const copied = chunk.copy(this.#block, this.#filled, at);
      this.#filled += copied;
      at += copied;
    }
  }

  /** Hex digest of all that was added. */
  async digest(): Promise<string> {
    const rest = this.#block.subarray(0, this.#filled);
    // What fits into one block is not worth a thread.
    if (this.#thread === undefined) return createHash('sha256').update(rest).digest('hex');
    await this.#flight.add(this.#thread.session.update(rest));
    await this.#flight.drain();
    return await this.#thread.session.digest();
  }

  async close(): Promise<void> {
    await this.#flight.settle();
    this.#thread?.release();
  }

  /** Has the full block digested, and goes on with the next. */
  async #turn(): Promise<void> {
    if (this.#block.length > 0) {
      this.#thread ??= await takeDigest();
      await this.#flight.add(this.#thread.session.update(this.#block));
    }
    this.#block = this.#blocks.next().value;
    this.#filled = 0;
  }
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
