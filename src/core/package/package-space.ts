import { PermanentError, StorageError } from '../exceptions.js';
import { freeSpace, isFull } from '../utilities/disk.js';
import { isPlain } from '../utilities/path-text.js';
import { BLOCK, MAX_HEADER_SIZE, padded } from '../utilities/tar-writer.js';
import { PAYLOAD_FOLDER } from './bag.js';
import type { SourceEntry } from './package-result.js';
import type { ExpectedEntry } from './source-member.js';

const ADVICE = 'Free space in the buffer; the work goes on by itself.';

/** About the size that the tar of these entries will have in bytes, rather a little more. */
export function plannedBytes(name: string, entries: SourceEntry[]): number {
  const tags = 16 * BLOCK;
  const line = 66 + FOLDER.length;
  return entries.reduce(
    (sum, entry) => sum + memberBytes(name, entry) + line + Buffer.byteLength(entry.path),
    tags,
  );
}

/** The most bytes that an entry takes in a tar with its header and padding, but for a long target of a link. */
export function memberBytes(name: string, { path, size, mtimeNs }: ExpectedEntry): number {
  const time = Number(mtimeNs);
  const fits =
    name.length + FOLDER.length + path.length < 99 &&
    isPlain(path) &&
    isPlain(name) &&
    size <= MAX_HEADER_SIZE &&
    time >= 0 &&
    time < PLAIN_TIME;
  const header = fits ? BLOCK : 3 * BLOCK + padded(Buffer.byteLength(name + FOLDER + path));
  return header + padded(size);
}

/** What is between a bag's name and the path of an entry. */
const FOLDER = `/${PAYLOAD_FOLDER}/`;
/** Nanoseconds from 1970 on that surely have room in a header, as seconds. */
const PLAIN_TIME = 8e18;

/**
 * Makes sure that a folder's disk has room for so many bytes. Throws a {@link StorageError} where it has not now, a
 * {@link PermanentError} where the whole disk is smaller.
 */
export async function requireSpace(folder: string, needed: number): Promise<void> {
  const { free, total } = await freeSpace(folder);
  const details = { subject: folder, context: { neededBytes: needed, freeBytes: free, totalBytes: total } };
  if (needed > total) {
    const advice = 'Use a larger buffer, or lower the greatest size of a package.';
    throw new PermanentError(`A package of ${needed} bytes can never fit on a disk of ${total} bytes`, {
      ...details,
      advice,
    });
  }
  if (needed > free) {
    throw new StorageError(`No space for the package: it needs ${needed} bytes, the disk has ${free} free`, {
      ...details,
      advice: ADVICE,
    });
  }
}

/** Others write to the disk as well: an error of running out of space gets the figures that explain it. */
export async function withSpace(error: unknown, folder: string, needed: number): Promise<unknown> {
  if (!(error instanceof StorageError) || !isFull(error.cause)) return error;
  const { free, total } = await freeSpace(folder);
  return new StorageError(`The disk became full while a package of ${needed} bytes was written`, {
    operation: 'raw_data_package_creation',
    subject: folder,
    advice: ADVICE,
    context: { neededBytes: needed, freeBytes: free, totalBytes: total },
    retryAfterSeconds: 30,
    cause: error,
  });
}
