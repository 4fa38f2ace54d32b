import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import {
  existsSync,
  openSync,
  closeSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { MockActivityEnvironment } from '@temporalio/testing';
import { makeAuditActivities } from '../../src/activities/audit.js';
import { makeAuditRecordActivities } from '../../src/activities/audit-records.js';
import { makeCatalogueActivities } from '../../src/activities/catalogue.js';
import type { Dependencies } from '../../src/activities/dependencies.js';
import { projectRoot } from '../../src/client/embedded/project-root.js';
import { waitingWorkflows } from '../../src/client/operator.js';
import type { Catalogue } from '../../src/core/database/catalogue.js';
import type { Location, PhysicalCopy } from '../../src/core/database/records.js';
import { makeLogger } from '../../src/core/logging.js';
import { Metrics } from '../../src/core/metrics.js';
import type { Notice } from '../../src/core/notification-service.js';
import { CATALOGUE_QUEUE, taskQueue, WORKFLOW_QUEUE } from '../../src/core/queue-discovery.js';
import { SettingsManager } from '../../src/core/settings-manager.js';
import { S3ArchiveStore } from '../../src/core/storage/s3-archive-store.js';
import { s3SettingsFromEnvironment } from '../../src/core/storage/s3-settings.js';
import { Secret } from '../../src/core/utilities/secret.js';
import { archiveAuditJourney, type AuditTotals } from '../../src/workflows/journeys.js';
import { withScratch } from '../support/scratch.js';
import {
  arrived,
  entry,
  planPackages,
  QUIET_SECONDS,
  resultOf,
  topology,
} from './support/catalogue-fixture.js';
import { withCatalogue } from './support/database.js';
import { withTemporal, type TemporalLab } from './support/temporal.js';

/** Audits and repairs of two archives on a real store: its objects are plain files, which the tests damage behind its back. */

const MIB = 1024 * 1024;
const STORE_ROOT = join(projectRoot(), 'dist', 'test-stack', 's3');
const settings = s3SettingsFromEnvironment(process.env);
const timeout = 180_000;
const COLOGNE = { site: 'cologne', location: 'lta' };
const US = { site: 'us', location: 'lta' };

interface Lab {
  catalogue: Catalogue;
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
function withArchives(t: TestContext, packages: number, run: (lab: Lab) => Promise<void>): Promise<void> {
  return withScratch(t, (directory) =>
    withCatalogue(async ({ catalogue }) => {
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
      const dependencies: Dependencies = {
        settings: new SettingsManager(catalogue.settings, {}),
        catalogue,
        log: makeLogger({ level: 'error', format: 'json' }),
        metrics: new Metrics({}),
        notifications: { tell: (notice) => Promise.resolve(void notices.push(notice)) },
        archiveStore: store,
        transport: () => assert.fail('nothing is sent here'),
        wakePlanner: () => Promise.resolve(),
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
      await run(lab);
    }),
  );
}

/** Runs an activity by itself, as a worker would. */
function runActivity<I, O>(
  activity: (input: I) => Promise<O>,
  input: I,
  environment = new MockActivityEnvironment(),
): Promise<O> {
  return environment.run<[I], O, (input: I) => Promise<O>>(activity, input);
}

function withWorkers<T>(temporal: TemporalLab, { dependencies }: Lab, act: () => Promise<T>): Promise<T> {
  const audit = makeAuditActivities(dependencies);
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

async function audit(temporal: TemporalLab, archive: typeof COLOGNE): Promise<AuditTotals> {
  const journey = archiveAuditJourney({ archive, everything: true });
  const totals: unknown = await temporal.client.workflow.execute(journey.workflowType, {
    workflowId: journey.workflowId,
    taskQueue: WORKFLOW_QUEUE,
    args: [journey.input],
    typedSearchAttributes: journey.typedSearchAttributes,
  });
  return totals as AuditTotals;
}

function flipByte(file: string, at: number): void {
  const content = readFileSync(file);
  const descriptor = openSync(file, 'r+');
  writeSync(descriptor, Buffer.from([content[at]! ^ 1]), 0, 1, at);
  closeSync(descriptor);
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 100));
}

test(
  'a flipped byte, a lost end, a lost object and a lost sidecar are found, told and repaired, and nothing good is touched',
  { timeout },
  (t) =>
    withArchives(t, 5, (lab) =>
      withTemporal(async (temporal) => {
        const copies = await Promise.all(lab.packageIds.map((id) => lab.copyAt(id, COLOGNE)));
        const [flipped, cut, gone, bare, whole] = copies as [
          PhysicalCopy,
          PhysicalCopy,
          PhysicalCopy,
          PhysicalCopy,
          PhysicalCopy,
        ];
        flipByte(lab.file(flipped), 7 * MIB);
        truncateSync(lab.file(cut), 4999);
        rmSync(lab.file(gone));
        rmSync(lab.file(bare, '.json'));
        const damagedBytes = readFileSync(lab.file(flipped));
        await withWorkers(temporal, lab, async () => {
          assert.deepEqual(await audit(temporal, COLOGNE), {
            sound: 2,
            damaged: 3,
            unanswered: 0,
            sidecars: 1,
          });
          await until(async () => (await lab.catalogue.fixity.openRepairs(whole.location.id)).length === 0);
          await until(async () => (await lab.catalogue.openProblems()).length === 0);
        });
        assert.deepEqual(
          new Set(lab.notices.filter(({ level }) => level === 'critical').map(({ kind }) => kind)),
          new Set(['archive_damage']),
        );
        assert.equal(lab.notices.filter(({ kind }) => kind === 'archive_repaired').length, 3);
        for (const packageId of lab.packageIds) {
          for (const place of [COLOGNE, US]) {
            const copy = await lab.copyAt(packageId, place);
            assert.equal(copy.state, 'present');
            const content = readFileSync(lab.file(copy));
            assert.ok(content.equals(lab.contents.get(packageId)!), `${place.site} has ${packageId} whole`);
            const sidecar = JSON.parse(readFileSync(lab.file(copy, '.json'), 'utf8')) as { key: string };
            assert.equal(sidecar.key, copy.path);
          }
        }
        // What is damaged stays as evidence, and says so; what was only gone has its old place again.
        const repaired = await lab.copyAt(flipped.packageId, COLOGNE);
        assert.equal(repaired.path, flipped.path.replace('.tar', '.r1.tar'));
        assert.ok(readFileSync(lab.file(flipped)).equals(damagedBytes));
        const beside = JSON.parse(readFileSync(lab.file(flipped, '.json'), 'utf8')) as {
          superseded: { by: string };
        };
        assert.equal(beside.superseded.by, repaired.path);
        assert.equal((await lab.copyAt(gone.packageId, COLOGNE)).path, gone.path);
        // A second audit finds all sound.
        await withWorkers(temporal, lab, async () =>
          assert.deepEqual(await audit(temporal, COLOGNE), {
            sound: 5,
            damaged: 0,
            unanswered: 0,
            sidecars: 0,
          }),
        );
        const [status] = (await lab.catalogue.fixity.status()).filter((one) => one.archive === 'cologne.lta');
        assert.deepEqual([status?.copies, status?.damaged, status?.repaired], [5, 0, 3]);
      }),
    ),
);

test(
  'without a good copy anywhere the damage waits for an operator, and the copy does not count',
  { timeout },
  (t) =>
    withArchives(t, 1, (lab) =>
      withTemporal(async (temporal) => {
        const packageId = lab.packageIds[0]!;
        const [here, there] = [await lab.copyAt(packageId, COLOGNE), await lab.copyAt(packageId, US)];
        for (const copy of [here, there]) flipByte(lab.file(copy), 100);
        await withWorkers(temporal, lab, async () => {
          await audit(temporal, COLOGNE);
          // The other archive's copy is not known to be damaged: it is tried, found out on the way, and nothing of it is stored.
          await until(async () => (await waitingWorkflows(temporal.client)).length === 1);
          const [waiting] = await waitingWorkflows(temporal.client);
          assert.match(waiting?.reason ?? '', /SHA-256 is not that of the package/);
          assert.equal((await lab.copyAt(packageId, COLOGNE)).state, 'damaged');
          assert.equal((await lab.copyAt(packageId, COLOGNE)).verifiedAt, undefined);
          assert.equal(existsSync(lab.file(here).replace('.tar', '.r1.tar')), false);
          await audit(temporal, US);
          assert.equal((await lab.copyAt(packageId, US)).state, 'damaged');
        });
      }),
    ),
);

test('a store that is away, refuses our keys or has lost its bucket has lost no copy', { timeout }, (t) =>
  withArchives(t, 1, async (lab) => {
    const packageId = lab.packageIds[0]!;
    const { id: copyId, location } = await lab.copyAt(packageId, COLOGNE);
    const look = () =>
      runActivity((input: { copyId: string }) => makeAuditActivities(lab.dependencies).auditCopy(input), {
        copyId,
      });
    lab.reach.endpoint = 'http://127.0.0.1:1';
    await assert.rejects(look(), { name: 'NetworkError' });
    delete lab.reach.endpoint;
    lab.reach.secretAccessKey = new Secret('wrong');
    await assert.rejects(look(), { name: 'ConfigurationError' });
    await withTemporal((temporal) =>
      withWorkers(temporal, lab, async () => {
        assert.deepEqual(await audit(temporal, COLOGNE), {
          sound: 0,
          damaged: 0,
          unanswered: 1,
          sidecars: 0,
        });
        const [problem] = await lab.catalogue.openProblems();
        assert.match(problem?.message ?? '', /could not be read/);
        delete lab.reach.secretAccessKey;
        rmSync(join(STORE_ROOT, location.bucket!), { recursive: true });
        assert.equal((await audit(temporal, COLOGNE)).unanswered, 1);
      }),
    );
    assert.equal((await lab.copyAt(packageId, COLOGNE)).state, 'present');
    assert.deepEqual(lab.notices, []);
  }),
);

test('a repair that is cut off goes on, and is done once', { timeout }, (t) =>
  withArchives(t, 1, async (lab) => {
    const packageId = lab.packageIds[0]!;
    const copy = await lab.copyAt(packageId, COLOGNE);
    const source = await lab.copyAt(packageId, US);
    flipByte(lab.file(copy), 6 * MIB);
    const activities = makeAuditActivities(lab.dependencies);
    const found = await runActivity((asked: { copyId: string }) => activities.auditCopy(asked), {
      copyId: copy.id,
    });
    assert.ok(found.sound === false);
    await lab.catalogue.fixity.recordDamage(copy.id, found.damage);
    assert.equal(await lab.catalogue.fixity.recordDamage(copy.id, found.damage), undefined);
    const input = { copyId: copy.id, sourceCopyId: source.id };
    const repair = (asked: typeof input) => activities.repairCopy(asked);
    const cut = new MockActivityEnvironment();
    setTimeout(() => cut.cancel(), 30);
    await runActivity(repair, input, cut).catch(() => undefined);
    const stored = await runActivity(repair, input);
    assert.deepEqual(await runActivity(repair, input).then((one) => one.key), stored.key);
    for (let times = 0; times < 2; times++)
      await lab.catalogue.fixity.recordRepaired(copy.id, source.id, stored);
    assert.equal((await lab.copyAt(packageId, COLOGNE)).state, 'present');
    assert.ok(
      readFileSync(lab.file(await lab.copyAt(packageId, COLOGNE))).equals(lab.contents.get(packageId)!),
    );
  }),
);
