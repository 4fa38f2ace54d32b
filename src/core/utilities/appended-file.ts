import { constants } from 'node:fs';
import { ALIGNMENT, DirectFile } from './direct-file.js';
import { InFlight } from './in-flight.js';
import { giveBlock, takeBlock } from './shared-blocks.js';

const BLOCK_BYTES = 1024 * 1024;
/** Blocks that are written at the same time. */
const WRITES = 3;

/**
 * A file that is written from its begin to its end in pieces of any length: they are gathered, and written in whole blocks, which pass by the
 * system's cache (see `direct-file.ts`). Throws the errors of the system, of a write also at a later call.
 */
export class AppendedFile {
  readonly #file: DirectFile;
  readonly #writes = new InFlight(WRITES);
  /** One is filled while the others are written. */
  readonly #blocks = Array.from({ length: WRITES }, () => takeBlock(BLOCK_BYTES));
  #turn = 0;
  /** Where the block that is filled will be in the file. */
  #begin = 0;
  #filled = 0;

  private constructor(file: DirectFile) {
    this.#file = file;
  }

  /** Makes a file of which nothing is there yet. */
  static async create(path: string, mode: number): Promise<AppendedFile> {
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL;
    return new AppendedFile(await DirectFile.open(path, flags, mode));
  }

  get bytes(): number {
    return this.#begin + this.#filled;
  }

  /** Takes all of the bytes; they may be used again when it returns. */
  async append(bytes: Buffer): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      const copied = Math.min(bytes.length - at, BLOCK_BYTES - this.#filled);
      // Of memory that threads share, `copy` takes twice as long: it goes word by word.
      this.#block.fill(bytes.subarray(at, at + copied), this.#filled, this.#filled + copied);
      at += copied;
      this.#filled += copied;
      if (this.#filled === BLOCK_BYTES) await this.#next();
    }
  }

  /** Takes back all behind the first so many bytes. */
  async cutBack(bytes: number): Promise<void> {
    if (bytes < this.#begin) {
      await this.#writes.drain();
      this.#begin = bytes - (bytes % BLOCK_BYTES);
      await this.#file.read(this.#block, this.#begin);
    }
    this.#filled = bytes - this.#begin;
  }

  /** Brings to disk what was written by now. */
  flush(): Promise<void> {
    return this.#file.handle.datasync();
  }

  /** Writes the rest and brings all to disk. */
  async finish(): Promise<void> {
    const { bytes } = this;
    // The last block goes past the cache as the others do, up to a border; what that is too much is cut off.
    const padded = Math.ceil(this.#filled / ALIGNMENT) * ALIGNMENT;
    await this.#writes.add(this.#file.write(this.#block.subarray(0, padded), this.#begin));
    await this.#writes.drain();
    await this.#file.handle.truncate(bytes);
    await this.#file.handle.sync();
  }

  /** Ends the use of it, also for a second time. */
  async close(): Promise<void> {
    await this.#writes.settle();
    this.#blocks.splice(0).forEach(giveBlock);
    await this.#file.close();
  }

  async #next(): Promise<void> {
    const write = this.#file.write(this.#block, this.#begin);
    this.#begin += BLOCK_BYTES;
    this.#filled = 0;
    this.#turn = (this.#turn + 1) % this.#blocks.length;
    await this.#writes.add(write);
  }

  get #block(): Buffer {
    return this.#blocks[this.#turn] as Buffer;
  }
}
