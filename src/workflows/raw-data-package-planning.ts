import { continueAsNew, patched, proxyActivities, setCurrentDetails } from '@temporalio/workflow';
import type { CatalogueActivities } from '../activities/catalogue.js';
import type { PackagingActivities, ScanResult } from '../activities/raw-data-package-creation.js';
import { rawDataPackageCreationJourney, type Place } from './journeys.js';
import { CATALOGUE, workAt } from './operations.js';
import { asPlan, inWords } from './plan.js';
import { plannerOf } from './planners.js';
import { startJourney } from './start.js';

export interface RawDataPackagePlanningInput {
  source: Place;
  /** Overrides the workers' setting. */
  quietSeconds?: number;
  /** Carried over when the planner continues as a new run. */
  scan?: ScanResult;
  planned?: number;
}

export interface RawDataPackagePlanningResult {
  scan: ScanResult;
  /** Packages whose creation was started. */
  planned: number;
}

/** Packages planned in one go; a larger backlog continues in a new run with a fresh history. */
const BATCH = 100;

/** Looks at a source, registers what is new and starts a journey for every package that can be made. */
export async function rawDataPackagePlanning(
  input: RawDataPackagePlanningInput,
): Promise<RawDataPackagePlanningResult> {
  const { source, quietSeconds } = input;
  const { scanSource } = proxyActivities<PackagingActivities>(workAt('raw_data_package_creation', source));
  const { planRawDataPackages, startPackageCreations } = proxyActivities<CatalogueActivities>(CATALOGUE);

  setCurrentDetails(`looking through ${source.site}.${source.location} for new files`);
  const scan = input.scan ?? (await scanSource({ ...source, quietSeconds }));
  setCurrentDetails('grouping files into packages');
  const { planned: packages, reasons } = asPlan(
    await planRawDataPackages({
      ...source,
      quietSeconds,
      limit: BATCH,
      plannerId: plannerOf('raw_data_package_creation', source)?.id,
    }),
  );
  // Before, each was a child, of whose start the planner was told in a workflow task of its own.
  if (packages.length > 0 && patched('journeys-started-by-activity-2026-12'))
    await startPackageCreations({ packages });
  else await Promise.all(packages.map((one) => startJourney(rawDataPackageCreationJourney(one))));

  const planned = (input.planned ?? 0) + packages.filter((one) => one.fresh).length;
  if (packages.length === BATCH && packages.some((one) => one.fresh)) {
    await continueAsNew<typeof rawDataPackagePlanning>({ source, quietSeconds, scan, planned });
  }
  setCurrentDetails(inWords(`${scan.entries} entries seen, ${planned} packages started`, reasons));
  return { scan, planned };
}
