import { createHash, randomBytes, type Hash } from 'node:crypto';
import { open, readdir, rename, rm, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { StorageError } from '../exceptions.js';
import { classifyDiskError, syncDirectory } from '../utilities/disk.js';
import { errorCode } from './source-root.js';

const OPERATION = 'raw_data_package_creation';
const BUFFER_BYTES = 4 * 1024 * 1024;
/** The disk is made to keep up, so that no long flush waits at the end. */
const SYNC_EVERY_BYTES = 64 * BUFFER_BYTES;

/** A place in the output that can be gone back to. */
export interface Mark {
  position: number;
  hash: Hash;
}

/**
 * The package while it is written: `<destination>.<random>.part`, with the digest of all that was appended.
 * Writes go on in the background while the next buffer fills. Errors are those of `classifyDiskError`.
 */
export class PackageOutput {
  readonly #destination: string;
  readonly #part: string;
  readonly #file: FileHandle;
  #hash = createHash('sha256');
  #buffer = Buffer.allocUnsafe(BUFFER_BYTES);
  #spare = Buffer.allocUnsafe(BUFFER_BYTES);
  #filled = 0;
  /** Where the buffer's first byte belongs in the file. */
  #start = 0;
  /** The write under way; settles to the error it met, so that none goes unnoticed before somebody waits for it. */
  #writing: Promise<unknown> = Promise.resolve();

  private constructor(destination: string, part: string, file: FileHandle) {
    this.#destination = destination;
    this.#part = part;
    this.#file = file;
  }

  /**
   * Begins an output, and clears away what earlier attempts left of the same one. One that was given up and writes on all the same
   * thereby can't publish any more: its part has no name to be renamed from.
   */
  static async create(destination: string): Promise<PackageOutput> {
    const part = `${destination}.${randomBytes(6).toString('hex')}.part`;
    try {
      await removeEarlierParts(destination);
      return new PackageOutput(destination, part, await open(part, 'wx', 0o640));
    } catch (error) {
      throw classifyDiskError(error, { operation: OPERATION, subject: part });
    }
  }

  /** Bytes appended so far. */
  get position(): number {
    return this.#start + this.#filled;
  }

  mark(): Mark {
    return { position: this.position, hash: this.#hash.copy() };
  }

  /** Appends bytes; they may be reused by the caller at once. */
  async append(bytes: Buffer): Promise<void> {
    this.#hash.update(bytes);
    for (let at = 0; at < bytes.length;) {
      const copied = bytes.copy(this.#buffer, this.#filled, at);
      at += copied;
      this.#filled += copied;
      if (this.#filled === BUFFER_BYTES) await this.#flush();
    }
  }

  /** Takes back all that was appended since the mark. A mark serves once. */
  async cutBack(mark: Mark): Promise<void> {
    await this.#written();
    this.#hash = mark.hash;
    if (mark.position >= this.#start) {
      this.#filled = mark.position - this.#start;
      return;
    }
    try {
      await this.#file.truncate(mark.position);
    } catch (error) {
      throw classifyDiskError(error, { operation: OPERATION, subject: this.#part });
    }
    this.#start = mark.position;
    this.#filled = 0;
  }

  /** Makes all of it durable under its name; the answer is the size and SHA-256 (hex) of the whole. */
  async publish(): Promise<{ bytes: number; sha256: string }> {
    await this.#flush();
    await this.#written();
    try {
      await this.#file.sync();
      await this.#file.close();
      await rename(this.#part, this.#destination);
      await syncDirectory(dirname(this.#destination));
    } catch (error) {
      if (errorCode(error) === 'ENOENT') throw takenOver(this.#part, error);
      throw classifyDiskError(error, { operation: OPERATION, subject: this.#destination });
    }
    return { bytes: this.position, sha256: this.#hash.digest('hex') };
  }

  /** Removes what was written; nothing happens where it is published already. */
  async discard(): Promise<void> {
    await this.#writing;
    try {
      await this.#file.close();
      await rm(this.#part, { force: true });
    } catch (error) {
      throw classifyDiskError(error, { operation: OPERATION, subject: this.#part });
    }
  }

  /** Starts to write the full buffer and goes on with the other one. */
  async #flush(): Promise<void> {
    await this.#written();
    const full = this.#buffer.subarray(0, this.#filled);
    const sync = this.#start % SYNC_EVERY_BYTES < BUFFER_BYTES && this.#start > 0;
    this.#writing = writeAll(this.#file, full, this.#start)
      .then(() => (sync ? this.#file.datasync() : undefined))
      .catch((error: unknown) => error);
    [this.#buffer, this.#spare] = [this.#spare, this.#buffer];
    this.#start += this.#filled;
    this.#filled = 0;
  }

  async #written(): Promise<void> {
    const error = await this.#writing;
    if (error !== undefined) throw classifyDiskError(error, { operation: OPERATION, subject: this.#part });
  }
}

function takenOver(part: string, cause: unknown): StorageError {
  return new StorageError('Another attempt at this package took over', {
    operation: OPERATION,
    subject: part,
    advice: 'Nothing is to be done: the later attempt makes the package.',
    cause,
  });
}

/** Writes all the bytes at a place, also where the system takes them piece by piece. */
async function writeAll(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    const { bytesWritten } = await file.write(bytes, at, bytes.length - at, position + at);
    at += bytesWritten;
  }
}

async function removeEarlierParts(destination: string): Promise<void> {
  const folder = dirname(destination);
  const ours = [`${basename(destination)}.`, `.${basename(destination)}.`];
  const isPart = (name: string): boolean =>
    name.endsWith('.part') && ours.some((prefix) => name.startsWith(prefix));
  const parts = (await readdir(folder)).filter(isPart);
  for (const part of parts) await rm(join(folder, part), { force: true });
}
