import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { makeCatalogueActivities } from '../../../src/activities/catalogue.js';
import type { Dependencies } from '../../../src/activities/dependencies.js';
import { makeMonitoringActivities } from '../../../src/activities/monitoring.js';
import { makePackagingActivities } from '../../../src/activities/raw-data-package-creation.js';
import { runPlanner } from '../../../src/client/planners.js';
import type { Catalogue } from '../../../src/core/database/catalogue.js';
import type { Location, Topology } from '../../../src/core/database/records.js';
import { makeLogger } from '../../../src/core/logging.js';
import type { Notice } from '../../../src/core/notification-service.js';
import { CATALOGUE_QUEUE, taskQueue } from '../../../src/core/queue-discovery.js';
import { SettingsManager } from '../../../src/core/settings-manager.js';
import { startJourneys } from '../../../src/worker/start-journeys.js';
import type { TemporalLab } from './temporal.js';

/** An observatory with two buffers on disks of their own, its real activities, and its planners run when a test says so. */
export interface DiskLab {
  lab: TemporalLab;
  catalogue: Catalogue;
  source: Location;
  /** By their names, the first one first. */
  buffers: Record<'first' | 'second', Location & { path: string }>;
  notices: Notice[];
  /** Planners that were woken. */
  woken: string[];
  measure: (name: 'first' | 'second') => Promise<unknown>;
  /** Looks through the source and starts what can be packaged. */
  plan: () => Promise<unknown>;
}

export interface LabOptions {
  /** Done when a package was made, before it is recorded. */
  onMade?: (packageId: string) => Promise<void>;
}

export async function withDiskLab(
  { lab, catalogue, scratch }: { lab: TemporalLab; catalogue: Catalogue; scratch: string },
  act: (disks: DiskLab) => Promise<void>,
  options: LabOptions = {},
): Promise<void> {
  const path = (name: string) => join(scratch, name);
  mkdirSync(path('source'), { recursive: true });
  await catalogue.ensureTopology(topology(path));
  const notices: Notice[] = [];
  const woken: string[] = [];
  const dependencies = {
    catalogue,
    settings: new SettingsManager(catalogue.settings, { 'packaging.quiet_seconds': 0 }),
    log: makeLogger({ level: 'error', format: 'text', fields: {} }),
    notifications: { tell: (notice: Notice) => Promise.resolve(void notices.push(notice)) },
    wakePlanner: (operation: string, place: { site: string; location: string }) =>
      Promise.resolve(void woken.push(`${operation} ${place.site}.${place.location}`)),
    startJourneys: startJourneys(lab.client),
    reportProgress: () => undefined,
  } as unknown as Dependencies;
  const monitoring = makeMonitoringActivities(dependencies);
  const recordPackageCreated: Catalogue['recordPackageCreated'] = async (packageId, ...made) => {
    await options.onMade?.(packageId);
    return catalogue.recordPackageCreated(packageId, ...made);
  };
  const packaging = makePackagingActivities({
    ...dependencies,
    catalogue: Object.assign(Object.create(catalogue) as Catalogue, { recordPackageCreated }),
  });
  const activities = {
    [CATALOGUE_QUEUE]: makeCatalogueActivities(dependencies),
    [taskQueue('ccat', 'source', 'raw_data_package_creation')]: packaging,
    [taskQueue('ccat', 'first', 'monitoring')]: monitoring,
    [taskQueue('ccat', 'second', 'monitoring')]: monitoring,
  };
  const at = async (name: string) => (await catalogue.location('ccat', name)) as Location & { path: string };
  const [source, first, second] = [await at('source'), await at('first'), await at('second')];
  const buffers = { first, second };
  await lab.withWorkers(activities, () =>
    act({
      ...{ lab, catalogue, source, buffers, notices, woken },
      measure: (name) => runPlanner(lab.client, 'monitoring', buffers[name]),
      plan: () => runPlanner(lab.client, 'raw_data_package_creation', source),
    }),
  );
}

function topology(path: (name: string) => string): Topology {
  const disk = { site: 'ccat', active: true, storageType: 'disk' as const, deletable: true };
  const buffer = { ...disk, locationType: 'buffer' as const };
  return {
    sites: [{ shortName: 'ccat', name: 'CCAT' }],
    locations: [
      { ...disk, name: 'source', locationType: 'source', priority: 0, path: path('source') },
      { ...buffer, name: 'first', priority: 0, path: path('first') },
      { ...buffer, name: 'second', priority: 1, path: path('second') },
    ],
    routes: [],
  };
}
