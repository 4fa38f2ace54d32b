import { lstat } from 'node:fs/promises';
import type { Catalogue } from '../core/database/catalogue.js';
import type { Location } from '../core/database/records.js';
import { markedFor, notItsDisk, requireMarker, writeMarker } from '../core/storage/location-marker.js';
import { classifyDiskError } from '../core/utilities/disk.js';
import { diskPath, fileAt } from './places.js';

/**
 * Makes sure that the own disk of a location that is ours (a buffer, a processing location, an archive) is mounted. At the first use its root gets the marker; where
 * the catalogue knows of copies there by then, one of them must be there: an empty folder under an unmounted disk is never marked.
 *
 * @returns whether its disk is still there, to be asked again after something was removed
 * @throws StorageError when it is not there
 */
export async function requireDisk(
  catalogue: Pick<Catalogue, 'marks'>,
  location: Location,
  operation: string,
): Promise<() => Promise<void>> {
  const root = diskPath(location);
  const stillThere = () => requireMarker(root, location, operation);
  const { markedAt, copies } = await catalogue.marks.of(location.id);
  if (markedAt === undefined) {
    const found = await markedFor(root);
    if (found === undefined) {
      if (copies.length > 0 && !(await hasOneOf(location, copies, operation)))
        throw notItsDisk(
          root,
          location,
          operation,
          'it has no marker, and none of the copies that should be there',
        );
      await writeMarker(root, location);
    }
  }
  await stillThere();
  if (markedAt === undefined) await catalogue.marks.record(location.id);
  return stillThere;
}

async function hasOneOf(location: Location, copies: string[], operation: string): Promise<boolean> {
  for (const path of copies) {
    const file = fileAt(location, path);
    try {
      await lstat(file);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
        throw classifyDiskError(error, { operation, subject: file });
    }
  }
  return false;
}
