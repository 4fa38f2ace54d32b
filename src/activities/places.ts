import { ConfigurationError } from '../core/exceptions.js';
import { insideDirectory } from '../core/utilities/disk.js';

interface DiskPlace {
  site: string;
  name: string;
  path?: string;
}

/**
 * The directory of a disk location.
 *
 * @throws ConfigurationError where the location is on no disk
 */
export function diskPath(location: DiskPlace): string {
  if (location.path !== undefined) return location.path;
  throw new ConfigurationError(`${location.site}.${location.name} is not on a disk`, {
    subject: location.name,
  });
}

/** Where a location has a file that the catalogue names; never outside of the location's directory. */
export function fileAt(location: DiskPlace, path: string): string {
  return insideDirectory(diskPath(location), path);
}

/** Where a buffer has a package's tar. */
export function packageFile(location: DiskPlace, packageName: string): string {
  return fileAt(location, `${packageName}.tar`);
}
