import { proxyActivities, setCurrentDetails } from '@temporalio/workflow';
import type { CatalogueActivities } from '../activities/catalogue.js';
import { longTermArchiveTransferJourney, type Place } from './journeys.js';
import { CATALOGUE } from './operations.js';
import { startRest } from './start.js';

/** Starts the archiving of whatever arrived at an archive's site and is not on its way into the archive. */
export async function longTermArchivePlanning(input: { archive: Place }): Promise<{ planned: number }> {
  const { planArchiveTransfers } = proxyActivities<CatalogueActivities>(CATALOGUE);

  const packages = await planArchiveTransfers(input.archive);
  await startRest(packages, longTermArchiveTransferJourney);
  setCurrentDetails(
    `${packages.length} packages under way to ${input.archive.site}.${input.archive.location}`,
  );
  return { planned: packages.length };
}
