import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StorageError } from '../exceptions.js';
import { classifyDiskError, writeFileAtomically } from '../utilities/disk.js';

/**
 * The file in a location's root that says whose disk this is. An unmounted disk leaves an empty folder behind, in which every file
 * looks deleted; the marker is then missing, too.
 */
export const LOCATION_MARKER = '.cdt-location.json';

const SCHEMA = 'ccat-data-transfer/location/1';

interface Marked {
  id: string;
  site: string;
  name: string;
}

/** The id of the location that this disk was marked for; undefined where it has no marker, or one that can't be read as such. */
export async function markedFor(root: string): Promise<string | undefined> {
  try {
    const marker = JSON.parse(await readFile(join(root, LOCATION_MARKER), 'utf8')) as { id?: unknown } | null;
    return typeof marker?.id === 'string' ? marker.id : undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR' || error instanceof SyntaxError) return undefined;
    throw classifyDiskError(error, { subject: root });
  }
}

/** Writes the marker: there whole, on disk, or not at all. */
export async function writeMarker(root: string, location: Marked): Promise<void> {
  await writeFileAtomically(join(root, LOCATION_MARKER), `${markerOf(location)}\n`);
}

/**
 * Makes sure that this is the disk that was marked for the location.
 *
 * @throws StorageError when it is not there: tried again, since a disk may be mounted any time
 */
export async function requireMarker(root: string, location: Marked, operation: string): Promise<void> {
  const found = await markedFor(root);
  if (found === location.id) return;
  throw notItsDisk(
    root,
    location,
    operation,
    found === undefined ? 'it has no marker' : `it is marked for the location ${found}`,
  );
}

/** What is thrown where a folder may not be the location's disk. */
export function notItsDisk(root: string, location: Marked, operation: string, why: string): StorageError {
  return new StorageError(`${root} is not the disk of ${location.site}.${location.name}: ${why}`, {
    operation,
    subject: root,
    advice: `Mount its disk; it is tried again by itself, and nothing is recorded as gone meanwhile. Only if this is its new disk for good: write ${markerOf(location)} into ${join(root, LOCATION_MARKER)}.`,
  });
}

function markerOf({ id, site, name }: Marked): string {
  return JSON.stringify({ schema: SCHEMA, id, location: `${site}.${name}` });
}
