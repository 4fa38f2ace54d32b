import type { Catalogue } from '../core/database/catalogue.js';
import type { Location } from '../core/database/records.js';
import type { Settings } from '../core/settings-manager.js';
import { DiskArchiveStore } from '../core/storage/disk-archive-store.js';
import { requireDisk } from './marked-disk.js';
import { diskPath } from './places.js';

/** The store of an archive on a disk, which is used only while that very disk is mounted. */
export function diskArchiveStore(
  catalogue: Pick<Catalogue, 'marks'>,
  settings: Settings,
  location: Location,
): DiskArchiveStore {
  const place = { site: location.site, location: location.name };
  return new DiskArchiveStore({
    root: diskPath(location),
    copyProgram: async () => {
      const program = await settings.get('archive.copy_program', place);
      return program === 'none' ? undefined : program;
    },
    requireDisk: () => requireDisk(catalogue, location, 'long_term_archive_transfer'),
  });
}
