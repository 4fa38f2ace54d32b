import { randomBytes } from 'node:crypto';
import { readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { StorageError } from '../exceptions.js';
import { AppendedFile } from '../utilities/appended-file.js';
import { takeDigest, type DigestSession } from '../utilities/digest-session.js';
import { classifyDiskError, syncDirectory } from '../utilities/disk.js';
import { InFlight } from '../utilities/in-flight.js';
import { outcomeOf, settled } from '../utilities/settled.js';
import type { Lease } from '../utilities/threads.js';
import { errorCode } from './source-root.js';

const OPERATION = 'raw_data_package_creation';
/** Blocks that are digested at the same time. */
export const BLOCKS_IN_FLIGHT = 3;
/** The disk is made to keep up, so that no long flush waits at the end. */
const SYNC_EVERY_BYTES = 64 * 1024 * 1024;

/**
 * The package while it is written: `<destination>.<random>.part`, and the digest of all that was appended. Both go on in the background while
 * the next bytes are made. Errors are those of `classifyDiskError`.
 */
export class PackageOutput {
  readonly #destination: string;
  readonly #part: string;
  readonly #file: AppendedFile;
  readonly #digest: Lease<DigestSession>;
  readonly #flight = new InFlight(BLOCKS_IN_FLIGHT);
  #markedAt = 0;
  #syncedAt = 0;
  #syncing: Promise<PromiseSettledResult<void>> | undefined;

  private constructor(destination: string, part: string, file: AppendedFile, digest: Lease<DigestSession>) {
    this.#destination = destination;
    this.#part = part;
    this.#file = file;
    this.#digest = digest;
  }

  /**
   * Begins an output, and clears away what earlier attempts left of the same one. One that was given up and writes on all the same
   * thereby can't publish any more: its part has no name to be renamed from.
   */
  static async create(destination: string): Promise<PackageOutput> {
    const part = `${destination}.${randomBytes(6).toString('hex')}.part`;
    const digest = await takeDigest();
    try {
      await removeEarlierParts(destination);
      return new PackageOutput(destination, part, await AppendedFile.create(part, 0o640), digest);
    } catch (error) {
      digest.release();
      throw classifyDiskError(error, { operation: OPERATION, subject: part });
    }
  }

  /** Appends bytes, and returns when at most {@link BLOCKS_IN_FLIGHT} - 1 of the blocks given last are still in use. */
  async append(bytes: Buffer): Promise<void> {
    const digesting = settled(this.#flight.add(this.#digest.session.update(bytes)));
    await this.#onDisk(this.#file.append(bytes));
    outcomeOf(await digesting);
    if (this.#file.bytes - this.#syncedAt >= SYNC_EVERY_BYTES) await this.#sync();
  }

  /** The end of what was appended is the place that {@link cutBack} goes back to. */
  async mark(): Promise<void> {
    this.#markedAt = this.#file.bytes;
    await this.#flight.add(this.#digest.session.mark());
  }

  /** Takes back all that was appended since the mark. A mark serves once. */
  async cutBack(): Promise<void> {
    await this.#flight.drain();
    await this.#onDisk(this.#file.cutBack(this.#markedAt));
    await this.#digest.session.back();
    this.#syncedAt = Math.min(this.#syncedAt, this.#markedAt);
  }

  /** Returns when no bytes that were appended are in use any more. */
  async idle(): Promise<void> {
    await this.#flight.drain();
  }

  /** Makes all of it durable under its name; the answer is the size and SHA-256 (hex) of the whole. */
  async publish(): Promise<{ bytes: number; sha256: string }> {
    await this.#flight.drain();
    await this.#synced();
    try {
      await this.#file.finish();
      await this.#file.close();
      await rename(this.#part, this.#destination);
      await syncDirectory(dirname(this.#destination));
    } catch (error) {
      if (errorCode(error) === 'ENOENT') throw takenOver(this.#part, error);
      throw classifyDiskError(error, { operation: OPERATION, subject: this.#destination });
    }
    return { bytes: this.#file.bytes, sha256: await this.#digest.session.digest() };
  }

  /** Removes what was written; nothing happens where it is published already. */
  async discard(): Promise<void> {
    await this.#flight.settle();
    await this.#syncing;
    this.#digest.release();
    try {
      await this.#file.close();
      await rm(this.#part, { force: true });
    } catch (error) {
      throw classifyDiskError(error, { operation: OPERATION, subject: this.#part });
    }
  }

  /** Starts to flush what was written, when the flush before has ended. */
  async #sync(): Promise<void> {
    await this.#synced();
    this.#syncedAt = this.#file.bytes;
    this.#syncing = settled(this.#file.flush());
  }

  /** Waits for the flush under way. Its failure must be seen: the system tells of it once. */
  async #synced(): Promise<void> {
    const outcome = await this.#syncing;
    this.#syncing = undefined;
    if (outcome?.status === 'rejected') await this.#onDisk(Promise.reject(outcome.reason as Error));
  }

  async #onDisk<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      throw classifyDiskError(error, { operation: OPERATION, subject: this.#part });
    }
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

async function removeEarlierParts(destination: string): Promise<void> {
  const folder = dirname(destination);
  const ours = [`${basename(destination)}.`, `.${basename(destination)}.`];
  const isPart = (name: string): boolean =>
    name.endsWith('.part') && ours.some((prefix) => name.startsWith(prefix));
  const parts = (await readdir(folder)).filter(isPart);
  for (const part of parts) await rm(join(folder, part), { force: true });
}
