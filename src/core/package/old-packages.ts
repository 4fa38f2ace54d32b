import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { classifyDiskError, ifPresent } from '../utilities/disk.js';

const TAR = '.tar';

/**
 * The packages in a buffer that nobody has written to for long, by their names.
 *
 * @param since milliseconds of the clock: what was written later is not among them
 */
export async function oldPackages(directory: string, since: number): Promise<string[]> {
  try {
    const found: string[] = [];
    for (const file of await readdir(directory)) {
      if (!file.endsWith(TAR)) continue;
      const status = await ifPresent(lstat(join(directory, file)));
      if (status?.isFile() === true && status.mtimeMs < since) found.push(file.slice(0, -TAR.length));
    }
    return found;
  } catch (error) {
    throw classifyDiskError(error, { subject: directory });
  }
}
