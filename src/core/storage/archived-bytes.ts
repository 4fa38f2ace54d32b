import { createHash } from 'node:crypto';
import { Writable, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { DataCorruptionError } from '../exceptions.js';
import { takeDigest, type DigestSession } from '../utilities/digest-session.js';
import { InFlight } from '../utilities/in-flight.js';
import { giveBlock, takeBlock } from '../utilities/shared-blocks.js';
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
  chunks: Readable,
  options: ReadOptions = {},
): Promise<{ bytes: number; sha256: string }> {
  const hash = new GatheringDigest();
  let bytes = 0;
  const tell = (chunk: Buffer): Promise<void> | undefined => {
    options.onBytes?.(chunk);
    bytes += chunk.length;
    options.onProgress?.(bytes);
    return options.pace?.(chunk.length);
  };
  // Chunks are of 64 KiB. What can be done at once waits for nothing: where the process keeps track of who waits for whom
  // (`AsyncLocalStorage`), a few promises for each take longer than its digest.
  const take = (chunk: Buffer): Promise<void> | undefined => {
    const adding = hash.add(chunk);
    return adding === undefined ? tell(chunk) : adding.then(() => tell(chunk));
  };
  let taking: Promise<void> | undefined;
  const sink = new Writable({
    highWaterMark: BLOCK_BYTES,
    write(chunk: Buffer, _encoding, done) {
      try {
        taking = take(chunk);
        if (taking === undefined) done();
        else taking.then(() => done(), done);
      } catch (error) {
        done(error as Error);
      }
    },
  });
  try {
    await pipeline(chunks, sink, { signal: options.signal });
    return { bytes, sha256: await hash.digest() };
  } finally {
    // Whoever stops it does not wait for the last chunk.
    await Promise.allSettled([taking]);
    await hash.close();
  }
}

/**
 * A SHA-256 of bytes that come in small pieces: they are gathered into blocks that a thread digests. They are gathered in memory of our own, and copied
 * into that of the thread a block at a time: what begins at odd places is copied into shared memory byte by byte.
 */
class GatheringDigest {
  readonly #gathered = Buffer.allocUnsafeSlow(BLOCK_BYTES);
  readonly #blocks: Buffer[] = [];
  readonly #flight = new InFlight(IN_USE);
  #filled = 0;
  #thread: Lease<DigestSession> | undefined;

  /** Takes a chunk; what it answers with, if anything, is to be waited for. */
  add(chunk: Buffer): Promise<void> | undefined {
    if (this.#filled + chunk.length > BLOCK_BYTES) return this.#addInTurns(chunk);
    this.#filled += chunk.copy(this.#gathered, this.#filled);
    return undefined;
  }

  async #addInTurns(chunk: Buffer): Promise<void> {
    for (let at = 0; at < chunk.length;) {
      if (this.#filled === BLOCK_BYTES) await this.#turn();
      const copied = chunk.copy(this.#gathered, this.#filled, at);
      this.#filled += copied;
      at += copied;
    }
  }

  /** Hex digest of all that was added. */
  async digest(): Promise<string> {
    // What fits into one block is not worth a thread.
    if (this.#thread === undefined)
      return createHash('sha256').update(this.#gathered.subarray(0, this.#filled)).digest('hex');
    await this.#turn();
    await this.#flight.drain();
    return await this.#thread.session.digest();
  }

  async close(): Promise<void> {
    await this.#flight.settle();
    this.#thread?.release();
    this.#blocks.forEach(giveBlock);
  }

  /** Has what was gathered digested, and begins anew. */
  async #turn(): Promise<void> {
    this.#thread ??= await takeDigest();
    // The oldest is free again: no more than the others are in use.
    const block = this.#blocks.length > IN_USE ? (this.#blocks.shift() as Buffer) : takeBlock(BLOCK_BYTES);
    this.#blocks.push(block);
    this.#gathered.copy(block);
    const filled = block.subarray(0, this.#filled);
    this.#filled = 0;
    await this.#flight.add(this.#thread.session.update(filled));
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
