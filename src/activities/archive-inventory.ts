import { ConfigurationError } from '../core/exceptions.js';
import { getPackageKeyOf } from '../core/storage/archive-layout.js';
import type { StoredObject } from '../core/storage/archive-store.js';
import type { Dependencies } from './dependencies.js';
import { whileBusy } from './liveness.js';
import { throughBreaker, wayInto } from './through-breaker.js';

/** What is in an archive and not in the catalogue. */
export interface UnknownObjects {
  /** Objects that were looked at: all that the archive holds. */
  objects: number;
  unknown: number;
  unknownBytes: number;
  /** The first of them, at most {@link MOST_NAMED}. `lastModified` is ISO 8601. */
  named: Pick<StoredObject, 'key' | 'bytes' | 'lastModified'>[];
}

export type ArchiveInventoryActivities = ReturnType<typeof makeArchiveInventoryActivities>;

/** What fits a workflow's result well. */
export const MOST_NAMED = 500;

/** Compares what an archive holds with what the catalogue knows. Nothing is changed in either. */
export function makeArchiveInventoryActivities(dependencies: Dependencies) {
  const { catalogue } = dependencies;

  return {
    /**
     * Lists an archive's objects that belong to no copy of the catalogue. What was put there less than `olderThanHours` ago is left
     * out: its copy may not be recorded yet.
     *
     * @throws ConfigurationError where the location is no archive
     */
    async findUnknownObjects(input: {
      archive: { site: string; location: string };
      olderThanHours: number;
    }): Promise<UnknownObjects> {
      const location = await catalogue.location(input.archive.site, input.archive.location);
      if (location.locationType !== 'long_term_archive')
        throw new ConfigurationError(`${location.site}.${location.name} is no archive`, {
          operation: 'audit',
          subject: `${location.site}.${location.name}`,
          advice: '`cdt audit status` lists the archives.',
        });
      const before = new Date(Date.now() - input.olderThanHours * 3_600_000).toISOString();
      return await throughBreaker(dependencies, wayInto(location), () =>
        whileBusy(async (signal) => {
          const found: UnknownObjects = { objects: 0, unknown: 0, unknownBytes: 0, named: [] };
          for await (const page of dependencies.archiveStore(location).list({ signal })) {
            found.objects += page.length;
            const old = page.filter(
              ({ lastModified }) => lastModified === undefined || lastModified < before,
            );
            const keys = [...new Set(old.map(({ key }) => getPackageKeyOf(key)))];
            const unknown = new Set(await catalogue.fixity.unknownKeys(location.id, keys));
            for (const { key, bytes, lastModified } of old) {
              if (!unknown.has(getPackageKeyOf(key))) continue;
              found.unknown += 1;
              found.unknownBytes += bytes;
              if (found.named.length < MOST_NAMED) found.named.push({ key, bytes, lastModified });
            }
          }
          return found;
        }),
      );
    },
  };
}
