import { join } from 'node:path';
import type { Location, Topology } from '../../../core/database/records.js';

/** The site where the instrument writes, and the one with the archive. */
export const ORIGIN = 'ccat';
export const DESTINATION = 'cologne';
export const ARCHIVE = { site: DESTINATION, name: 'lta', bucket: 'cologne-lta' };

/**
 * The topology of one machine that plays both sites.
 *
 * @param source the source of this run; only it is watched
 * @param known what the catalogue holds: sources of earlier runs are switched off and kept, since only the directory that the
 *   user names now is the input
 */
export function topology(
  source: { name: string; directory: string; deletable: boolean },
  dataDirectory: string,
  known: Location[],
): Topology {
  const common = { priority: 0, active: true };
  const buffer = (site: string) => ({
    ...common,
    site,
    name: 'buffer',
    locationType: 'buffer' as const,
    storageType: 'disk' as const,
    path: join(dataDirectory, 'sites', site, 'buffer'),
    deletable: true,
  });
  const earlier = known
    .filter((one) => one.locationType === 'source' && one.site === ORIGIN && one.name !== source.name)
    .map((one) => ({ ...one, active: false, deletable: false }));
  return {
    sites: [
      { shortName: ORIGIN, name: 'CCAT observatory' },
      { shortName: DESTINATION, name: 'Cologne' },
    ],
    locations: [
      ...earlier,
      {
        ...common,
        site: ORIGIN,
        name: source.name,
        locationType: 'source',
        storageType: 'disk',
        path: source.directory,
        deletable: source.deletable,
      },
      buffer(ORIGIN),
      buffer(DESTINATION),
      {
        ...common,
        site: ARCHIVE.site,
        name: ARCHIVE.name,
        locationType: 'long_term_archive',
        storageType: 's3',
        bucket: ARCHIVE.bucket,
        deletable: false,
      },
    ],
    routes: [
      {
        name: `${ORIGIN}_to_${DESTINATION}`,
        origin: ORIGIN,
        destination: DESTINATION,
        routeType: 'direct',
        transport: 'local',
        priority: 0,
        active: true,
        options: {},
      },
    ],
  };
}
