import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { classifyDiskError, ifPresent, removeIfPresent } from '../utilities/disk.js';

/** The file that it shall become, the begin of its digest, by which transport, and for `stream` the journal beside it: `partName` and what comes of it. */
const PARTIAL = /^(?<name>.+)\.[0-9a-f]{12}(\.[a-z]+)?\.part(\.pieces)?$/;

/** What is written beside a small file until it takes its place (`writeFileAtomically`): a location's marker, a result. */
const BESIDE = /^\..+\.[0-9a-f]{8}\.part$/;

/** Of which file this is the partial one, of whichever transport; undefined where it is none. */
export function partialOf(found: string): string | undefined {
  return PARTIAL.exec(found)?.groups?.['name'];
}

/**
 * Removes what interrupted sends left of files that have arrived: by another transport, perhaps, which knows nothing of it. A send that is
 * still at it finds the target there.
 *
 * @returns the names of what was removed
 */
export function removePartials(directory: string, arrived: readonly string[]): Promise<string[]> {
  const whole = new Set(arrived);
  return removeWhere(directory, (name) => Promise.resolve(whole.has(partialOf(name) ?? '')));
}

/**
 * Removes parts of files that nobody has written to for long: what they were of went to another place, was given up, or is there.
 *
 * @param since milliseconds of the clock: what was written later stays
 * @returns the names of what was removed
 */
export function removeAbandoned(directory: string, since: number): Promise<string[]> {
  return removeWhere(directory, async (name, path) => {
    if (partialOf(name) === undefined && !BESIDE.test(name)) return false;
    const found = await ifPresent(lstat(path));
    return found !== undefined && found.isFile() && found.mtimeMs < since;
  });
}

async function removeWhere(
  directory: string,
  isToGo: (name: string, path: string) => Promise<boolean>,
): Promise<string[]> {
  try {
    const removed: string[] = [];
    for (const name of await readdir(directory)) {
      const path = join(directory, name);
      if (!(await isToGo(name, path))) continue;
      await removeIfPresent(path);
      removed.push(name);
    }
    return removed;
  } catch (error) {
    throw classifyDiskError(error, { subject: directory });
  }
}
