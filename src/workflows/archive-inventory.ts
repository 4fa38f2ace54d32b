import { proxyActivities, setCurrentDetails } from '@temporalio/workflow';
import type { ArchiveInventoryActivities, UnknownObjects } from '../activities/archive-inventory.js';
import { formatBytes } from '../core/utilities/format.js';
import type { ArchiveInventoryInput } from './journeys.js';
import { workAt } from './operations.js';

/** Finds what an archive holds and the catalogue does not know. */
export async function archiveInventory(input: ArchiveInventoryInput): Promise<UnknownObjects> {
  const { archive, olderThanHours = 24 } = input;
  const { findUnknownObjects } = proxyActivities<ArchiveInventoryActivities>(workAt('audit', archive));
  setCurrentDetails(`**Now:** listing what ${archive.site}.${archive.location} holds`);
  const found = await findUnknownObjects({ archive, olderThanHours });
  setCurrentDetails(
    `**${found.objects} objects, of which the catalogue does not know ${found.unknown} (${formatBytes(found.unknownBytes)})**`,
  );
  return found;
}
