import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { PutObjectCommand, DeleteObjectCommand } from '@aws-sdk/client-s3';
import { MockActivityEnvironment } from '@temporalio/testing';
import { makeChallengeActivities } from '../../src/activities/archive-challenge.js';
import { makeDeletionActivities } from '../../src/activities/deletion.js';
import type { Dependencies } from '../../src/activities/dependencies.js';
import { requireDisk } from '../../src/activities/marked-disk.js';
import type { Catalogue } from '../../src/core/database/catalogue.js';
import { StorageError } from '../../src/core/exceptions.js';
import type { Notice } from '../../src/core/notification-service.js';
import { Metrics } from '../../src/core/metrics.js';
import { SettingsManager } from '../../src/core/settings-manager.js';
import { readInFull } from '../../src/core/storage/challenge.js';
import { LOCATION_MARKER } from '../../src/core/storage/location-marker.js';
import { makeS3Client } from '../../src/core/storage/s3-client.js';
import { withDetachableDisk } from '../support/hostile-disk.js';
import { withScratch } from '../support/scratch.js';
import {
  entry,
  observatory,
  planPackages,
  resultOf,
  topology,
  arrived,
  QUIET_SECONDS,
} from './support/catalogue-fixture.js';
import { liveness } from './support/breakers.js';
import { withCatalogue } from './support/database.js';
import { due } from './support/deletion-fixture.js';
import { s3 } from './support/s3.js';

/** A package with real bytes in a buffer and in a real store, as far as the moment before its deletion. */
async function laboratory(catalogue: Catalogue, scratch: string, bytes: number) {
  const { bucket, settings, store: makeStore } = s3();
  const store = makeStore();
  await store.prepare();
  const described = topology();
  const locations = described.locations.map((one) =>
    one.storageType === 'disk' ? { ...one, path: join(scratch, one.site, one.name) } : { ...one, bucket },
  );
  for (const { path } of locations) if (path !== undefined) await mkdir(path, { recursive: true });
  await observatory(catalogue);
  await catalogue.ensureTopology({ ...described, locations });
  const at = {
    source: await catalogue.location('ccat', 'chai'),
    buffer: await catalogue.location('ccat', 'buffer'),
  };
  await catalogue.registerEntries(at.source.id, [entry('obs-1/a')], QUIET_SECONDS);
  const [planned] = await planPackages(catalogue, at as never);
  const packageId = planned!.id;
  const content = randomBytes(bytes);
  const sha256 = createHash('sha256').update(content).digest('hex');
  await catalogue.recordPackageCreated(packageId, {
    ...(await resultOf(catalogue, packageId)),
    bytes,
    sha256,
  });
  await arrived(catalogue, at as never);
  const file = join(at.buffer.path!, `${planned!.name}.tar`);
  await writeFile(file, content);
  const key = `raw/${planned!.name}.tar`;
  const stored = await store.put(key, file, { bytes, sha256 });
  const read = await readInFull(store, { path: key, bytes, sha256 }, {});
  assert.ok('ranges' in read);
  const archive = await catalogue.location('cologne', 'lta');
  await catalogue.archiveOrder(packageId, archive.id);
  await catalogue.recordArchived(packageId, archive.id, {
    key,
    bytes,
    sha256,
    etag: stored.etag,
    verifiedAt: new Date().toISOString(),
    ranges: read.ranges,
  });
  const notices: Notice[] = [];
  const metrics = new Metrics();
  const atRunTime = new SettingsManager(catalogue.settings);
  const dependencies = {
    catalogue,
    settings: atRunTime,
    ...liveness(catalogue, atRunTime, notices),
    metrics,
    notifications: { tell: (notice: Notice) => Promise.resolve(void notices.push(notice)) },
    archiveStore: () => store,
    reportProgress: () => undefined,
  } as unknown as Dependencies;
  const challenges = makeChallengeActivities(dependencies);
  const deletions = makeDeletionActivities(dependencies);
  const asActivity = <T>(act: () => Promise<T>): Promise<T> =>
    new MockActivityEnvironment().run<[], T, () => Promise<T>>(act);
  await due(catalogue, packageId);
  return {
    packageId,
    file,
    key,
    content,
    notices,
    /** The values of a metric by the last of its labels. */
    counted: async (name: 'deletedCopies' | 'deletedBytes' | 'deletionsRefused') =>
      (await metrics[name].get()).values.map(({ value, labels }) => [Object.values(labels).at(-1), value]),
    bucket,
    client: makeS3Client(settings, { idleSeconds: 30 }),
    challenge: () =>
      asActivity(() =>
        challenges.challengeArchiveCopy({ packageId, archive: { site: 'cologne', location: 'lta' } }),
      ),
    free: () =>
      asActivity(() => deletions.deleteCopies({ packageId, place: { site: 'ccat', location: 'buffer' } })),
  };
}

test('a copy goes once its archive answered: the evidence is in the log, sealed', { timeout: 120_000 }, (t) =>
  withScratch(t, (scratch) =>
    withCatalogue(async ({ catalogue }) => {
      const lab = await laboratory(catalogue, scratch, 6_000_000);
      const early = await lab.free();
      assert.deepEqual(
        [early.deleted, existsSync(lab.file)],
        [1, false],
        'the read-back of archiving is an answer, too',
      );
      assert.deepEqual(await lab.counted('deletedCopies'), [['copy', 1]]);
      assert.deepEqual(await lab.counted('deletedBytes'), [['copy', 6_000_000]]);
      assert.deepEqual(await lab.counted('deletionsRefused'), []);
      const entries = await catalogue.auditLog.about(lab.packageId);
      assert.ok(entries.length > 0);
      const [copy] = await catalogue.copiesOfPackage(lab.packageId);
      const begun = (await catalogue.auditLog.about(copy!.id)).find(
        ({ action }) => action === 'deletion_begun',
      );
      assert.ok(begun?.sequence !== undefined && begun.sequence <= early.sealed!.sequence);
      assert.ok(Number(begun.facts['comparedRanges']) > 0, 'what went was compared with the archive');
      assert.match(JSON.stringify(begun.facts), /"place":"cologne.lta"/);
    }),
  ),
);

const TAMPERED: [string, (lab: Awaited<ReturnType<typeof laboratory>>) => Promise<unknown>][] = [
  ['removed', (lab) => lab.client.send(new DeleteObjectCommand({ Bucket: lab.bucket, Key: lab.key }))],
  [
    'cut short',
    (lab) =>
      lab.client.send(
        new PutObjectCommand({ Bucket: lab.bucket, Key: lab.key, Body: lab.content.subarray(0, 1000) }),
      ),
  ],
  [
    'replaced by other bytes of the same size',
    (lab) =>
      lab.client.send(
        new PutObjectCommand({ Bucket: lab.bucket, Key: lab.key, Body: randomBytes(lab.content.length) }),
      ),
  ],
];
for (const [how, tamper] of TAMPERED)
  test(`an object that was ${how} is found out, told, and nothing goes`, { timeout: 120_000 }, (t) =>
    withScratch(t, (scratch) =>
      withCatalogue(async ({ catalogue }) => {
        const lab = await laboratory(catalogue, scratch, 100_000);
        await tamper(lab);
        await assert.rejects(lab.challenge(), /failed a challenge/);
        const outcome = await lab.free();
        assert.deepEqual([outcome.deleted, existsSync(lab.file)], [0, true]);
        assert.match(outcome.reasons.join('; '), /0 of 1 required.*failed a challenge/);
        assert.deepEqual(await lab.counted('deletionsRefused'), [
          ['too_few_archive_copies', 1],
          ['archive_copy_does_not_count', 1],
        ]);
        assert.deepEqual(
          lab.notices.map(({ level, kind }) => [level, kind]),
          [['critical', 'archive_copy_damaged']],
        );
        assert.equal((await catalogue.openProblems()).length, 1);
      }),
    ),
  );

test(
  'a hold placed at the last moment keeps the copy, and a file that differs from the archive stays',
  { timeout: 120_000 },
  (t) =>
    withScratch(t, (scratch) =>
      withCatalogue(async ({ catalogue }) => {
        const lab = await laboratory(catalogue, scratch, 100_000);
        await lab.challenge();
        const { undone } = await catalogue.deletions.hold(lab.packageId, 'under study', 'ada');
        assert.equal(undone, 3);
        await lab.free();
        assert.ok(existsSync(lab.file));
        assert.deepEqual(await due(catalogue, lab.packageId), []);
        await catalogue.deletions.release(lab.packageId, 'ada');
        assert.ok((await due(catalogue, lab.packageId)).includes('ccat.buffer'));
        await writeFile(lab.file, randomBytes(100_000));
        const outcome = await lab.free();
        assert.deepEqual([outcome.deleted, existsSync(lab.file)], [0, true]);
        assert.match(outcome.reasons.join(), /other ones than in the archive/);
      }),
    ),
);

test(
  'two deleters at once, and one after a crash between mark and unlinking, delete once',
  { timeout: 120_000 },
  (t) =>
    withScratch(t, (scratch) =>
      withCatalogue(async ({ catalogue }) => {
        const lab = await laboratory(catalogue, scratch, 100_000);
        await lab.challenge();
        const [copy] = await catalogue.copiesOfPackage(lab.packageId);
        const settings = new SettingsManager(catalogue.settings);
        const { deletionRulesAt } = await import('../../src/core/deletion-rules.js');
        const { rules } = await deletionRulesAt(settings, copy!.location);
        // What a killed worker leaves: marked, and every byte still there.
        assert.ok(
          (await catalogue.deletions.begin({ packageId: lab.packageId, targetId: copy!.id, rules })).begun,
        );
        assert.ok(existsSync(lab.file));
        const outcomes = await Promise.allSettled([lab.free(), lab.free()]);
        assert.ok(outcomes.some((one) => one.status === 'fulfilled'));
        assert.equal(existsSync(lab.file), false);
        const now = (await catalogue.copiesOfPackage(lab.packageId)).find(({ id }) => id === copy!.id);
        assert.equal(now?.state, 'deleted');
      }),
    ),
);

for (const [when, marked] of [
  ['was marked', true],
  ['has copies and was never marked', false],
] as const)
  test(
    `on a disk that ${when} and is not mounted nothing is recorded as deleted; mounted again, it goes on`,
    { timeout: 120_000 },
    (t) =>
      withScratch(t, (scratch) =>
        withDetachableDisk(join(scratch, 'ccat', 'buffer'), ({ detach, attach }) =>
          withCatalogue(async ({ catalogue }) => {
            const lab = await laboratory(catalogue, scratch, 100_000);
            await lab.challenge();
            const buffer = await catalogue.location('ccat', 'buffer');
            const marker = join(buffer.path!, LOCATION_MARKER);
            if (marked) await requireDisk(catalogue, buffer, 'raw_data_package_creation');
            const stateOfCopy = async () =>
              (await catalogue.copiesOfPackage(lab.packageId)).find((one) => one.location.id === buffer.id)
                ?.state;
            detach();
            assert.ok(existsSync(buffer.path!), 'an unmounted disk leaves its folder behind');
            await assert.rejects(lab.free(), (error: Error) => {
              assert.ok(error instanceof StorageError && error.retryable, String(error));
              assert.match(error.message, /is not the disk of ccat.buffer: it has no marker/);
              return true;
            });
            assert.equal(await stateOfCopy(), 'deletion_scheduled');
            assert.equal(existsSync(marker), false, 'what lies under the disk is never marked');
            await writeFile(marker, JSON.stringify({ id: 'another location' }));
            await assert.rejects(lab.free(), /marked for the location another location/);
            assert.equal(await stateOfCopy(), 'deletion_scheduled');
            attach();
            assert.ok(existsSync(lab.file));
            assert.equal((await lab.free()).deleted, 1);
            assert.deepEqual([existsSync(lab.file), await stateOfCopy()], [false, 'deleted']);
            assert.equal((JSON.parse(await readFile(marker, 'utf8')) as { id: string }).id, buffer.id);
          }),
        ),
      ),
  );
