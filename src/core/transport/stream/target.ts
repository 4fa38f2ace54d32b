import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigurationError, DestinationFileExistsError } from '../../exceptions.js';
import { checkPlainName, classifyDiskError, freeSpace, ifPresent, isFull } from '../../utilities/disk.js';
import { noSpace, partName } from '../send-file.js';

/** In the name of a partial file of this transport. */
export const PART_KIND = '.stream';

/** A file that shall come to be in a directory of ours. */
export interface Target {
  directory: string;
  /** A plain name. */
  name: string;
  bytes: number;
  /** Hex. */
  sha256: string;
}

/** @throws PermanentError for a name that is no plain one */
export function targetPath({ directory, name }: Target): string {
  return join(directory, checkPlainName(name));
}

/** Where it grows: it may have holes, so it is none that another transport would go on from. */
export function partPath(target: Target): string {
  return join(target.directory, partName(checkPlainName(target.name), target.sha256, PART_KIND));
}

/**
 * Whether the file is there already: of this size and, as it is read now, of this digest.
 *
 * @throws ConfigurationError for a directory that is not there: it is never made here, a missing one may be a disk that is not mounted
 * @throws DestinationFileExistsError when something else than a file has the name
 */
export async function isThere(target: Target, onProgress?: (bytes: number) => void): Promise<boolean> {
  const { directory, name, bytes, sha256 } = target;
  const place = await ifPresent(stat(directory));
  if (place?.isDirectory() !== true) {
    throw new ConfigurationError(`the destination ${directory} is no directory`, {
      subject: directory,
      advice:
        'Make the directory or mount its disk there, or correct the path of the location in the topology.',
    });
  }
  const path = targetPath(target);
  const found = await ifPresent(lstat(path));
  if (found === undefined) return false;
  if (!found.isFile()) {
    throw new DestinationFileExistsError(`${path} is there and is no regular file`, {
      subject: name,
      advice: 'Remove it at the destination, then retry.',
    });
  }
  return found.size === bytes && (await digestOf(path, bytes, onProgress)) === sha256;
}

/** @throws StorageError where there is no room for so many bytes more */
export async function requireSpace({ directory, name }: Target, needed: number): Promise<void> {
  const { free } = await freeSpace(directory);
  if (free < needed) throw noSpace(name, needed, free);
}

/**
 * What the disk of a target said, in our classes: that it is full is told with the file and how much of it is missing.
 *
 * @param missing bytes that are not on disk yet
 */
export async function diskFailure(error: unknown, target: Target, missing: number): Promise<unknown> {
  const { free } = isFull(error) ? await freeSpace(target.directory) : { free: Infinity };
  // There may be room for bytes and none for another file.
  return free < missing
    ? noSpace(target.name, missing, free)
    : classifyDiskError(error, { subject: target.name });
}

async function digestOf(path: string, bytes: number, onProgress?: (bytes: number) => void): Promise<string> {
  const hash = createHash('sha256');
  let done = 0;
  // One byte more than there should be: a file that grows meanwhile is another one.
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024, end: bytes })) {
    hash.update(chunk as Buffer);
    onProgress?.((done += (chunk as Buffer).length));
  }
  return hash.digest('hex');
}
