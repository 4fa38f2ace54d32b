import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { openSync, closeSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import type { DataSource } from 'typeorm';
import { MockActivityEnvironment } from '@temporalio/testing';
import { makeArchiveInventoryActivities } from '../../../src/activities/archive-inventory.js';
import { makeAuditActivities } from '../../../src/activities/audit.js';
import { makeAuditRecordActivities } from '../../../src/activities/audit-records.js';
import { makeCatalogueActivities } from '../../../src/activities/catalogue.js';
import { makeRepairDetourActivities } from '../../../src/activities/repair-detour.js';
import type { Dependencies } from '../../../src/activities/dependencies.js';
import { projectRoot } from '../../../src/client/embedded/project-root.js';
import type { Catalogue } from '../../../src/core/database/catalogue.js';
import type { Location, PhysicalCopy } from '../../../src/core/database/records.js';
import { makeLogger } from '../../../src/core/logging.js';
import { Metrics } from '../../../src/core/metrics.js';
import type { Notice } from '../../../src/core/notification-service.js';
import { CATALOGUE_QUEUE, taskQueue, WORKFLOW_QUEUE } from '../../../src/core/queue-discovery.js';
import { SettingsManager } from '../../../src/core/settings-manager.js';
import { S3ArchiveStore } from '../../../src/core/storage/s3-archive-store.js';
import { s3SettingsFromEnvironment } from '../../../src/core/storage/s3-settings.js';
import type { Secret } from '../../../src/core/utilities/secret.js';
import { archiveAuditJourney, type AuditTotals } from '../../../src/workflows/journeys.js';
import { withScratch } from '../../support/scratch.js';
import { liveness } from './breakers.js';
import { arrived, entry, planPackages, QUIET_SECONDS, resultOf, topology } from './catalogue-fixture.js';
import { withCatalogue } from './database.js';
import type { TemporalLab } from './temporal.js';

/** Two archives on a real store: its objects are plain files, which tests damage behind its back. */

export const MIB = 1024 * 1024;
export const STORE_ROOT = join(projectRoot(), 'dist', 'test-stack', 's3');
const settings = s3SettingsFromEnvironment(process.env);
export const COLOGNE = { site: 'cologne', location: 'lta' };
export const US = { site: 'us', location: 'lta' };

export interface Lab {
  catalogue: Catalogue;
  /** Of the catalogue. */
  url: string;
  /** Of this lab's disks; `<site>/` holds a site's. */
  directory: string;
  dependencies: Dependencies;
  notices: Notice[];
  packageIds: string[];
  contents: Map<string, Buffer>;
  /** How the stores are reached, for faults. */
  reach: { endpoint?: string; secretAccessKey?: Secret };
  copyAt(packageId: string, place: { site: string }): Promise<PhysicalCopy>;
  file(copy: PhysicalCopy, suffix?: string): string;
  store(location: Location): S3ArchiveStore;
}

/** Two archives with the same packages in them, each stored, read back and recorded. */
export function withArchives(
  t: TestContext,
  packages: number,
  run: (lab: Lab) => Promise<void>,
  { buffers = 'kept' }: { buffers?: 'kept' | 'freed' } = {},
): Promise<void> {
  return withScratch(t, (directory) =>
    withCatalogue(async ({ catalogue, dataSource, url }) => {
      const suffix = randomBytes(4).toString('hex');
      const described = topology();
      described.sites.push({ shortName: 'us', name: 'US' });
      const archive = described.locations.find((one) => one.name === 'lta')!;
      archive.bucket = `audit-${suffix}-cologne`;
      described.locations.push({ ...archive, site: 'us', bucket: `audit-${suffix}-us` });
      for (const one of described.locations) if (one.path !== undefined) one.path = join(directory, one.site);
      await catalogue.ensureTopology(described);
      const at = {
        source: await catalogue.location('ccat', 'chai'),
        buffer: await catalogue.location('ccat', 'buffer'),
        arrival: await catalogue.location('cologne', 'buffer'),
        archive: await catalogue.location('cologne', 'lta'),
      };
      const notices: Notice[] = [];
      const reach: Lab['reach'] = {};
      const store = (location: Location) =>
        new S3ArchiveStore({ ...settings, ...reach, bucket: location.bucket!, partBytes: 5 * MIB });
      const atRunTime = new SettingsManager(catalogue.settings, {});
      const dependencies: Dependencies = {
        settings: atRunTime,
        ...liveness(catalogue, atRunTime, notices),
        catalogue,
        log: makeLogger({ level: 'error', format: 'json' }),
        metrics: new Metrics({}),
        notifications: { tell: (notice) => Promise.resolve(void notices.push(notice)) },
        archiveStore: store,
        transport: () => assert.fail('nothing is sent here'),
        wakePlanner: () => Promise.resolve(),
        startJourneys: () => assert.fail('nothing arrives here'),
        reportProgress: () => undefined,
      };
      const entries = Array.from({ length: packages }, (_, index) => entry(`obs-${index}/file`));
      await catalogue.registerEntries(at.source.id, entries, QUIET_SECONDS);
      const contents = new Map<string, Buffer>();
      for (const { id } of await planPackages(catalogue, at)) {
        const content = randomBytes(contents.size === 0 ? 11 * MIB : 5000);
        const sha256 = createHash('sha256').update(content).digest('hex');
        await catalogue.recordPackageCreated(id, {
          ...(await resultOf(catalogue, id)),
          bytes: content.length,
          sha256,
        });
        contents.set(id, content);
      }
      await arrived(catalogue, at);
      const lab: Lab = {
        catalogue,
        url,
        directory,
        dependencies,
        notices,
        packageIds: [...contents.keys()],
        contents,
        reach,
        store,
        copyAt: async (packageId, place) => {
          const copies = await catalogue.copiesOfPackage(packageId);
          const [copy] = copies.filter(
            (one) => one.location.name === 'lta' && one.location.site === place.site,
          );
          assert.ok(copy);
          return copy;
        },
        file: (copy, end = '') => join(STORE_ROOT, copy.location.bucket!, `${copy.path}${end}`),
      };
      const audit = makeAuditActivities(dependencies);
      for (const place of [COLOGNE, US]) {
        const location = await catalogue.location(place.site, place.location);
        await store(location).prepare();
        for (const [packageId, content] of contents) {
          const key = `raw/${packageId}.tar`;
          const expected = {
            bytes: content.length,
            sha256: createHash('sha256').update(content).digest('hex'),
          };
          const path = join(directory, 'package');
          await mkdir(dirname(path), { recursive: true });
          writeFileSync(path, content);
          await store(location).put(key, path, expected);
          await catalogue.recordArchived(packageId, location.id, {
            key,
            ...expected,
            verifiedAt: new Date(Date.now() - 1000).toISOString(),
          });
          // Sidecars are written by the first look.
          const copy = await lab.copyAt(packageId, place);
          await runActivity((input: { copyId: string }) => audit.auditCopy(input), { copyId: copy.id });
        }
      }
      if (buffers === 'freed') await freeBuffers(dataSource);
      await run(lab);
    }),
  );
}

/** As after the deletions that follow archiving. */
async function freeBuffers(dataSource: DataSource): Promise<void> {
  const steps = [
    `state = 'deletion_scheduled', delete_after = now()`,
    `state = 'deletion_in_progress', delete_after = null`,
    `state = 'deleted', deleted_at = now()`,
  ];
  for (const step of steps)
    await dataSource.query(
      `update physical_copy set ${step} where data_location_id in (select id from data_location where location_type = 'buffer')`,
    );
}

/** Runs an activity by itself, as a worker would. */
export function runActivity<I, O>(
  activity: (input: I) => Promise<O>,
  input: I,
  environment = new MockActivityEnvironment(),
): Promise<O> {
  return environment.run<[I], O, (input: I) => Promise<O>>(activity, input);
}

export function withWorkers<T>(
  temporal: TemporalLab,
  { dependencies }: Lab,
  act: () => Promise<T>,
): Promise<T> {
  const audit = {
    ...makeAuditActivities(dependencies),
    ...makeRepairDetourActivities(dependencies),
    ...makeArchiveInventoryActivities(dependencies),
  };
  return temporal.withWorkers(
    {
      [CATALOGUE_QUEUE]: {
        ...makeCatalogueActivities(dependencies),
        ...makeAuditRecordActivities(dependencies),
      },
      [taskQueue('cologne', 'lta', 'audit')]: audit,
      [taskQueue('us', 'lta', 'audit')]: audit,
    },
    act,
  );
}

export async function audit(temporal: TemporalLab, archive: typeof COLOGNE): Promise<AuditTotals> {
  const journey = archiveAuditJourney({ archive, everything: true });
  const totals: unknown = await temporal.client.workflow.execute(journey.workflowType, {
    workflowId: journey.workflowId,
    taskQueue: WORKFLOW_QUEUE,
    args: [journey.input],
    typedSearchAttributes: journey.typedSearchAttributes,
  });
  return totals as AuditTotals;
}

export function flipByte(file: string, at: number): void {
  const content = readFileSync(file);
  const descriptor = openSync(file, 'r+');
  writeSync(descriptor, Buffer.from([content[at]! ^ 1]), 0, 1, at);
  closeSync(descriptor);
}

export async function until(isSo: () => Promise<boolean>, everyMs = 100): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, everyMs));
}
