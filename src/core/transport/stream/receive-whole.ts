import { constants } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { ifPresent, syncDirectory, writeAll } from '../../utilities/disk.js';
import { Grouped } from './grouped.js';
import { diskFailure, isThere, partPath, requireSpace, targetPath, type Target } from './target.js';

/** One flush of a directory counts for all files that were renamed in it before. */
const directories = new Map<string, Grouped>();

/**
 * Receives a small file in one go: beside, flushed, renamed. Two at once write the same bytes, and whoever comes second finds it done.
 *
 * @returns whether it was there already
 */
export async function receiveWhole(target: Target, data: Buffer): Promise<boolean> {
  if (await isThere(target)) return true;
  await requireSpace(target, target.bytes);
  try {
    await write(target, data);
  } catch (error) {
    throw await diskFailure(error, target, target.bytes);
  }
  await ifPresent(rename(partPath(target), targetPath(target)));
  await flushed(target.directory);
  return false;
}

async function write(target: Target, data: Buffer): Promise<void> {
  const part = await open(partPath(target), constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW);
  try {
    await writeAll(part, data, 0);
    await part.truncate(data.length);
    await part.datasync();
  } finally {
    await part.close();
  }
}

async function flushed(directory: string): Promise<void> {
  const known = directories.get(directory) ?? new Grouped(() => syncDirectory(directory));
  directories.set(directory, known);
  await known.run();
}
