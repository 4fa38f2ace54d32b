import { proxyActivities, setCurrentDetails } from '@temporalio/workflow';
import type { CatalogueActivities } from '../activities/catalogue.js';
import { deletionJourney } from './journeys.js';
import { CATALOGUE } from './operations.js';
import { startRest } from './start.js';

/** Starts the deletion of copies that the archives have made redundant. Each deletion checks that for itself. */
export async function deletionPlanning(input: { site: string }): Promise<{ planned: number }> {
  const { planDeletions } = proxyActivities<CatalogueActivities>(CATALOGUE);

  const packages = await planDeletions(input);
  await startRest(packages, deletionJourney);
  setCurrentDetails(`${packages.length} packages have copies to free`);
  return { planned: packages.length };
}
