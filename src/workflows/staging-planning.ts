import { proxyActivities, setCurrentDetails } from '@temporalio/workflow';
import type { CleaningOutcome, StagingActivities } from '../activities/staging.js';
import type { StagingCatalogueActivities } from '../activities/staging-catalogue.js';
import type { Place } from './journeys.js';
import { CATALOGUE, workAt } from './operations.js';

/** Tidies up a processing location: ends jobs whose workflow is gone, and removes the copies that no job needs any more. */
export async function stagingPlanning(input: {
  processing: Place;
}): Promise<{ planned: number } & CleaningOutcome> {
  const { processing } = input;
  const { forgottenStaging, endStaging } = proxyActivities<StagingCatalogueActivities>(CATALOGUE);
  const { removeJobFolder, cleanStaged } = proxyActivities<StagingActivities>(workAt('staging', processing));

  setCurrentDetails('looking for jobs whose time has passed');
  for (const jobId of await forgottenStaging(processing)) {
    await removeJobFolder({ jobId, place: processing });
    const why = 'its time has passed, and its workflow is gone';
    await endStaging({ jobId, place: processing, as: 'expired', why });
  }
  setCurrentDetails('removing copies that no job needs');
  const outcome = await cleanStaged(processing);
  setCurrentDetails(`${outcome.removed.length} copies removed`);
  return { planned: outcome.removed.length, ...outcome };
}
