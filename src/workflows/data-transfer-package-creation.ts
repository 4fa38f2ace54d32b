import { proxyActivities, setCurrentDetails } from '@temporalio/workflow';
import type { CatalogueActivities } from '../activities/catalogue.js';
import { dataTransferJourney, type Place } from './journeys.js';
import { CATALOGUE } from './operations.js';
import { asPlan, inWords } from './plan.js';
import { plannerOf } from './planners.js';
import { startRest } from './start.js';

/** Bundles the packages that wait in a buffer, over the route that is best now, and starts the bundles' journeys. */
export async function dataTransferPackageCreation(input: { buffer: Place }): Promise<{ planned: number }> {
  const { planDataTransfers } = proxyActivities<CatalogueActivities>(CATALOGUE);

  setCurrentDetails(`bundling what waits in ${input.buffer.site}.${input.buffer.location}`);
  const { planned: transfers, reasons } = asPlan(
    await planDataTransfers({
      ...input.buffer,
      plannerId: plannerOf('data_transfer_package_creation', input.buffer)?.id,
    }),
  );
  await startRest(transfers, dataTransferJourney);
  setCurrentDetails(inWords(`${transfers.length} transfers under way`, reasons));
  return { planned: transfers.length };
}
