import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { DestinationFileExistsError } from '../exceptions.js';
import { classifyDiskError, syncDirectory } from './disk.js';
import { printable } from './printable.js';

/**
 * Makes a folder, with those above it, and its entry last; that it is there already is success.
 *
 * @throws DestinationFileExistsError where a file has its name
 * @throws PermanentError where the user may not, StorageError where the disk fails
 */
export async function createLocalFolder(path: string): Promise<void> {
  const subject = printable(path);
  try {
    const made = await mkdir(path, { recursive: true });
    if (made !== undefined) await syncDirectory(dirname(made));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST')
      throw new DestinationFileExistsError(`${subject} is there, and no folder`, { subject, cause: error });
    throw classifyDiskError(error, { subject });
  }
}
