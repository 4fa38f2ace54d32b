import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { makeCatalogueActivities } from '../../../src/activities/catalogue.js';
import type { Dependencies } from '../../../src/activities/dependencies.js';
import { makeStagingActivities } from '../../../src/activities/staging.js';
import { makeStagingCatalogueActivities } from '../../../src/activities/staging-catalogue.js';
import type { Catalogue } from '../../../src/core/database/catalogue.js';
import type { FoundEntry, Topology } from '../../../src/core/database/records.js';
import { makeLogger } from '../../../src/core/logging.js';
import type { Notice } from '../../../src/core/notification-service.js';
import { createPackage } from '../../../src/core/package/create-package.js';
import { scanSource } from '../../../src/core/package/scan-source.js';
import { CATALOGUE_QUEUE, taskQueue } from '../../../src/core/queue-discovery.js';
import { SettingsManager, type ConfiguredSettings } from '../../../src/core/settings-manager.js';
import type { ArchiveStore } from '../../../src/core/storage/archive-store.js';
import { getS3KeyForPackage } from '../../../src/core/storage/archive-layout.js';
import { liveness } from './breakers.js';
import { s3 } from './s3.js';

/** An observatory whose packages are really made, and really lie in two archives: one at the processing location's site, one elsewhere. */
export interface ArchivedObservatory {
  source: string;
  processing: string;
  buckets: Record<'cologne' | 'us', string>;
  stores: Record<'cologne' | 'us', ArchiveStore>;
  /** Packages all that the source has and stores it in both archives; answers with what is new. */
  archiveAll(): Promise<{ id: string; name: string; key: string }[]>;
}

export async function archivedObservatory(
  catalogue: Catalogue,
  scratch: string,
): Promise<ArchivedObservatory> {
  const here = (name: string) => {
    const path = join(scratch, name);
    mkdirSync(path, { recursive: true });
    return path;
  };
  const [source, buffer, processing] = [here('source'), here('buffer'), here('processing')];
  const archives = { cologne: s3(), us: s3() };
  const stores = { cologne: archives.cologne.store(), us: archives.us.store() };
  const common = { priority: 0, active: true };
  const disk = { ...common, storageType: 'disk' as const };
  const lta = (site: 'cologne' | 'us') => ({
    ...common,
    site,
    name: 'lta',
    locationType: 'long_term_archive' as const,
    storageType: 's3' as const,
    bucket: archives[site].bucket,
    deletable: false,
  });
  const topology: Topology = {
    sites: ['ccat', 'cologne', 'us'].map((site) => ({ shortName: site, name: site })),
    locations: [
      { ...disk, site: 'ccat', name: 'source', locationType: 'source', path: source, deletable: true },
      { ...disk, site: 'ccat', name: 'buffer', locationType: 'buffer', path: buffer, deletable: true },
      {
        ...disk,
        site: 'cologne',
        name: 'ramses',
        locationType: 'processing',
        path: processing,
        deletable: true,
      },
      lta('cologne'),
      lta('us'),
    ],
    routes: [],
  };
  await catalogue.ensureTopology(topology);
  await Promise.all([stores.cologne.prepare(), stores.us.prepare()]);

  const archiveAll = async () => {
    const at = await catalogue.location('ccat', 'source');
    const entries: FoundEntry[] = [];
    for await (const findings of scanSource(source, { quietSeconds: 0, now: Date.now() }))
      for (const found of findings) if ('entry' in found) entries.push({ ...found.entry, quiet: true });
    await catalogue.registerEntries(at.id, entries, 0);
    const planned = await catalogue.planRawDataPackages({
      sourceLocationId: at.id,
      bufferLocationId: (await catalogue.location('ccat', 'buffer')).id,
      maxBytes: 1e12,
      maxFiles: 1e6,
      executionQuietSeconds: 0,
      waitSeconds: 0,
      limit: 100,
    });
    return Promise.all(
      planned.map(async ({ id, name }) => {
        const order = await catalogue.packageOrder(id);
        const file = join(buffer, `${name}.tar`);
        const made = await createPackage({
          sourceRoot: source,
          entries: order.entries,
          name,
          destination: file,
          bagInfo: {},
        });
        await catalogue.recordPackageCreated(id, made);
        const key = getS3KeyForPackage(order.package);
        for (const site of ['cologne', 'us'] as const) {
          const stored = await stores[site].put(key, file, made);
          await catalogue.recordArchived(id, (await catalogue.location(site, 'lta')).id, {
            key,
            bytes: made.bytes,
            sha256: made.sha256,
            etag: stored.etag,
            verifiedAt: new Date().toISOString(),
          });
        }
        return { id, name, key };
      }),
    );
  };
  return {
    source,
    processing,
    buckets: { cologne: archives.cologne.bucket, us: archives.us.bucket },
    stores,
    archiveAll,
  };
}

/** The real activities of staging, on their queues; `changes` puts faults in. */
export function stagingWorkers(
  catalogue: Catalogue,
  at: ArchivedObservatory,
  options: { settings?: ConfiguredSettings; store?: (site: 'cologne' | 'us') => ArchiveStore } = {},
): { activities: Record<string, object>; notices: Notice[]; woken: string[] } {
  const notices: Notice[] = [];
  const woken: string[] = [];
  const settings = new SettingsManager(catalogue.settings, {
    'staging.retention_hours': 0,
    'staging.min_free_bytes': 0,
    ...options.settings,
  });
  const dependencies = {
    catalogue,
    settings,
    ...liveness(catalogue, settings, notices),
    log: makeLogger({ level: 'error', format: 'text', fields: {} }),
    notifications: { tell: (notice: Notice) => Promise.resolve(void notices.push(notice)) },
    archiveStore: ({ site }: { site: string }) =>
      options.store?.(site as 'cologne' | 'us') ?? at.stores[site as 'cologne' | 'us'],
    wakePlanner: (operation: string) => Promise.resolve(void woken.push(operation)),
    reportProgress: () => undefined,
  } as unknown as Dependencies;
  return {
    notices,
    woken,
    activities: {
      [CATALOGUE_QUEUE]: {
        ...makeCatalogueActivities(dependencies),
        ...makeStagingCatalogueActivities(dependencies),
      },
      [taskQueue('cologne', 'ramses', 'staging')]: makeStagingActivities(dependencies),
    },
  };
}
