import type { Location, StoredCopy } from '../core/database/records.js';
import type { Dependencies } from './dependencies.js';

/** Records an archive copy, and has planners look for what follows: it may have further to go, and has made other copies redundant. */
export async function recordArchived(
  dependencies: Dependencies,
  { packageId, archive, stored }: { packageId: string; archive: Location; stored: StoredCopy },
): Promise<void> {
  const { catalogue, wakePlanner } = dependencies;
  await catalogue.recordArchived(packageId, archive.id, stored);
  await wakeOnward(dependencies, archive.site);
  const place = await catalogue.deletions.placeToFree(packageId);
  if (place !== undefined) await wakePlanner('deletion', place);
}

/** What came to a site may have further to go from its buffers. */
export async function wakeOnward({ catalogue, wakePlanner }: Dependencies, site: string): Promise<void> {
  const [here, routes] = [await catalogue.locations(site), await catalogue.routes()];
  if (!routes.some((route) => route.active && route.origin === site)) return;
  for (const buffer of here.filter((one) => one.locationType === 'buffer' && one.active))
    await wakePlanner('data_transfer_package_creation', { site, location: buffer.name });
}
