import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ConfigurationError,
  DataCorruptionError,
  DeletionError,
  PackageError,
  PermanentError,
} from '../../src/core/exceptions.js';
import {
  archive,
  arrived,
  entry,
  observatory,
  packaged,
  sha256,
  topology,
  type Observatory,
} from './support/catalogue-fixture.js';
import type { Catalogue } from '../../src/core/database/catalogue.js';
import { withCatalogue } from './support/database.js';
import { begin, challenged, due } from './support/deletion-fixture.js';

/** A planner's run, that was handed nothing yet. */
const RUN = 'run-1';

function plan(catalogue: Catalogue, { buffer }: Observatory, maxPackages = 50) {
  return catalogue.planDataTransfers({ bufferLocationId: buffer.id, maxPackages, maxBytes: 1e12 });
}

test('waiting packages are bundled over the route, and open transfers are told again', () =>
  withCatalogue(async ({ catalogue }) => {
    const at = await observatory(catalogue);
    await packaged(catalogue, at, [entry('obs-1/a'), entry('obs-2/a'), entry('obs-3/a')]);
    const answers = await Promise.all([plan(catalogue, at, 2), plan(catalogue, at, 2)]);
    assert.deepEqual(answers[0], answers[1]);
    const [first, second] = answers[0];
    assert.deepEqual(
      [first?.packageCount, first?.bytes, first?.observations],
      [2, 20_480, ['obs-1', 'obs-2']],
    );
    assert.deepEqual(
      [first?.origin, first?.destination],
      [
        { site: 'ccat', location: 'buffer' },
        { site: 'cologne', location: 'buffer' },
      ],
    );
    assert.deepEqual([second?.packageCount, second?.packages.length], [1, 1]);
    const order = await catalogue.transferOrder(first!.id);
    assert.deepEqual(
      [order.status, order.route.transport, order.origin.id, order.destination.id],
      ['in_progress', 'local', at.buffer.id, at.arrival.id],
    );
    assert.deepEqual(order.packages.map((one) => one.name).sort(), first!.packages);
  }));

test('a buffer that no active route leads away from is a configuration error', () =>
  withCatalogue(async ({ catalogue }) => {
    const at = await observatory(catalogue);
    const described = topology();
    await catalogue.ensureTopology({
      ...described,
      routes: described.routes.map((route) => ({ ...route, active: false })),
    });
    assert.deepEqual(await plan(catalogue, at), [], 'nothing waits, so nothing is missed');
    await packaged(catalogue, at, [entry('obs-1/a')]);
    await assert.rejects(plan(catalogue, at), ConfigurationError);
  }));

test('a transfer is over when each of its packages arrived or was given up', () =>
  withCatalogue(async ({ catalogue }) => {
    const at = await observatory(catalogue);
    await packaged(catalogue, at, [entry('obs-1/a'), entry('obs-2/a')]);
    const [transfer] = await plan(catalogue, at);
    const { packages } = await catalogue.transferOrder(transfer!.id);
    const [good, bad] = packages.map((one) => ({ packageId: one.id, bytes: one.bytes, sha256: one.sha256 }));
    await catalogue.recordArrival(transfer!.id, [good!], []);
    assert.equal((await plan(catalogue, at)).length, 1);
    await Promise.all(
      [1, 2].map(() =>
        catalogue.recordArrival(transfer!.id, [good!], [{ packageId: bad!.packageId, reason: 'damaged' }]),
      ),
    );
    assert.deepEqual(await plan(catalogue, at), []);
    assert.equal((await catalogue.transferOrder(transfer!.id)).status, 'completed');
    assert.equal((await catalogue.packageSummary(good!.packageId)).state, 'arrived');
    const failed = await catalogue.packageSummary(bad!.packageId);
    assert.deepEqual([failed.state, failed.reason], ['failed', 'damaged']);
    const copies = await catalogue.copiesOfPackage(good!.packageId);
    assert.deepEqual(
      copies.map((copy) => [copy.location.site, copy.verifiedAt !== undefined]),
      [
        ['ccat', false],
        ['cologne', true],
      ],
    );
  }));

test('bytes that are not those that were sent, and strange packages, do not arrive', () =>
  withCatalogue(async ({ catalogue }) => {
    const at = await observatory(catalogue);
    const [packageId = ''] = await packaged(catalogue, at, [entry('obs-1/a')]);
    const [transfer] = await plan(catalogue, at);
    const [other = ''] = await packaged(catalogue, at, [entry('obs-2/a')]);
    const wrong = { packageId, bytes: 10_240, sha256: sha256('other') };
    await assert.rejects(catalogue.recordArrival(transfer!.id, [wrong], []), DataCorruptionError);
    await assert.rejects(
      catalogue.recordArrival(transfer!.id, [], [{ packageId: other, reason: 'x' }]),
      PackageError,
    );
    assert.equal((await catalogue.packageSummary(packageId)).state, 'transferring');
  }));

test('a package whose journey into the archive was started is left alone for ten minutes', () =>
  withCatalogue(async ({ catalogue, dataSource }) => {
    const at = await observatory(catalogue);
    const [packageId = ''] = await packaged(catalogue, at, [entry('obs-1/a')]);
    await arrived(catalogue, at);
    const planned = async () =>
      (await catalogue.planArchiveTransfers(at.archive.id)).map((one) => one.packageId);
    assert.deepEqual(await planned(), [packageId], 'nobody has started it');
    await catalogue.noteArchivingStarted([packageId], at.archive.id);
    await catalogue.noteArchivingStarted([packageId], at.archive.id);
    assert.deepEqual(await planned(), []);
    await dataSource.query(
      `update long_term_archive_transfer set created_at = created_at - interval '10 minutes'`,
    );
    assert.deepEqual(await planned(), [packageId], 'should its journey have been lost, it is found again');
    await catalogue.archiveOrder(packageId, at.archive.id);
    const states = await dataSource.query<{ status: string }[]>(
      'select status from long_term_archive_transfer',
    );
    assert.deepEqual(states, [{ status: 'in_progress' }]);
  }));

test('an arrived package is planned for the archive until it is archived', () =>
  withCatalogue(async ({ catalogue }) => {
    const at = await observatory(catalogue);
    const [packageId = ''] = await packaged(catalogue, at, [entry('obs-1/a')]);
    await assert.rejects(catalogue.archiveOrder(packageId, at.archive.id), PermanentError);
    assert.deepEqual(await catalogue.planArchiveTransfers(at.archive.id), []);
    await arrived(catalogue, at);
    const summary = await catalogue.packageSummary(packageId);
    assert.deepEqual(await catalogue.planArchiveTransfers(at.archive.id), [
      { packageId, name: summary.name, observation: 'obs-1' },
    ]);
    const order = await catalogue.archiveOrder(packageId, at.archive.id);
    assert.deepEqual([order.copy.location.id, order.archive.id], [at.arrival.id, at.archive.id]);
    assert.deepEqual(
      [order.provenance.site, order.provenance.sha256, order.provenance.fileCount],
      ['ccat', summary.sha256, 1],
    );

    assert.equal(await catalogue.archivedCopy(packageId, at.archive.id), undefined);
    await Promise.all([1, 2, 3].map(() => archive(catalogue, at, packageId)));
    const there = await catalogue.archivedCopy(packageId, at.archive.id);
    assert.deepEqual([there?.bytes, there?.sha256], [order.copy.bytes, summary.sha256]);
    assert.deepEqual(await catalogue.planArchiveTransfers(at.archive.id), []);
    const [told] = await catalogue.packagesOfSource(at.source.id);
    assert.equal(told?.state, 'archived');
    assert.deepEqual(
      [told.archive?.location, told.archive?.bucket, told.archive?.key],
      ['cologne.lta', 'archive', `raw/${summary.name}.tar`],
    );
  }));

test('the latest packages are told page by page, of all sources', () =>
  withCatalogue(async ({ catalogue }) => {
    const at = await observatory(catalogue);
    assert.deepEqual(await catalogue.latestPackages({ limit: 2 }), []);
    const planned: string[] = [];
    for (const name of ['obs-1', 'obs-2', 'obs-3'])
      planned.unshift(...(await packaged(catalogue, at, [entry(`${name}/a`)])));
    const first = await catalogue.latestPackages({ limit: 2 });
    assert.deepEqual(
      first.map(({ id }) => id),
      planned.slice(0, 2),
    );
    const rest = await catalogue.latestPackages({ limit: 2, before: first.at(-1)?.name });
    assert.deepEqual(
      rest.map(({ id }) => id),
      planned.slice(2),
    );
    await assert.rejects(catalogue.latestPackages({ limit: 2, before: 'nobody' }), PermanentError);
  }));

test('what an archive gives back with another digest is not archived', () =>
  withCatalogue(async ({ catalogue }) => {
    const at = await observatory(catalogue);
    const [packageId = ''] = await packaged(catalogue, at, [entry('obs-1/a')]);
    await arrived(catalogue, at);
    const stored = { key: 'k', bytes: 10_240, sha256: sha256('other'), verifiedAt: new Date().toISOString() };
    await assert.rejects(catalogue.recordArchived(packageId, at.archive.id, stored), DataCorruptionError);
    await assert.rejects(catalogue.recordArchived(packageId, at.arrival.id, stored), PermanentError);
    assert.equal((await catalogue.packageSummary(packageId)).state, 'arrived');
  }));

test('copies and source files of an archived package are planned for deletion until they are gone', () =>
  withCatalogue(async ({ catalogue }) => {
    const at = await observatory(catalogue);
    const [packageId = ''] = await packaged(catalogue, at, [entry('obs-1/a'), entry('obs-1/b')]);
    await arrived(catalogue, at);
    assert.deepEqual(await catalogue.deletions.candidates('cologne', 10, RUN), []);
    assert.deepEqual(await catalogue.sourceFilesToDelete(packageId), []);
    await archive(catalogue, at, packageId);
    assert.equal((await catalogue.sourceProgress(at.source.id)).copiesToDelete, 3);
    for (const site of ['ccat', 'cologne'])
      assert.deepEqual(await catalogue.deletions.candidates(site, 10, RUN), [packageId]);
    assert.deepEqual(await catalogue.deletions.candidates('us', 10, RUN), [], 'it has no copy there');
    assert.deepEqual(await due(catalogue, packageId), ['ccat.buffer', 'ccat.chai', 'cologne.buffer']);
    await challenged(catalogue, packageId);

    const inBuffers = (await catalogue.copiesOfPackage(packageId)).filter((copy) => copy.location.deletable);
    for (const { id } of inBuffers) {
      await assert.rejects(catalogue.deletions.recordCopyDeleted(id), DeletionError);
      for (let twice = 0; twice < 2; twice += 1)
        assert.equal((await begin(catalogue, packageId, id)).begun, true);
      for (let twice = 0; twice < 2; twice += 1) await catalogue.deletions.recordCopyDeleted(id);
      assert.equal((await begin(catalogue, packageId, id)).begun, false);
    }
    assert.deepEqual(
      (await catalogue.copiesOfPackage(packageId)).map((copy) => copy.state),
      ['deleted', 'deleted', 'present'],
    );
    assert.equal((await catalogue.sourceProgress(at.source.id)).copiesToDelete, 1);

    const files = await catalogue.sourceFilesToDelete(packageId);
    assert.deepEqual(
      files.map((file) => [file.path, file.sha256]),
      [
        ['obs-1/a', sha256('obs-1/a')],
        ['obs-1/b', sha256('obs-1/b')],
      ],
    );
    await assert.rejects(catalogue.recordSourceFilesDeleted(packageId, ['obs-1/a'], []), DeletionError);
    assert.equal((await begin(catalogue, packageId, packageId)).begun, true);
    for (let twice = 0; twice < 2; twice += 1) {
      await catalogue.recordSourceFilesDeleted(
        packageId,
        ['obs-1/a'],
        [{ path: 'obs-1/b', reason: 'it changed' }],
      );
    }
    const progress = await catalogue.sourceProgress(at.source.id);
    assert.deepEqual([progress.files.deleted, progress.files.packaged, progress.copiesToDelete], [1, 1, 0]);
    assert.deepEqual(
      [
        ...(await catalogue.deletions.candidates('ccat', 10, RUN)),
        ...(await catalogue.deletions.candidates('cologne', 10, RUN)),
      ],
      [],
      'what was kept for a reason is not asked for again and again',
    );
  }));

test('a late second record of an arrival does not bring back a deleted copy', () =>
  withCatalogue(async ({ catalogue }) => {
    const at = await observatory(catalogue);
    const [packageId = ''] = await packaged(catalogue, at, [entry('obs-1/a')]);
    const [transfer] = await plan(catalogue, at);
    const { packages } = await catalogue.transferOrder(transfer!.id);
    const arrivals = packages.map((one) => ({ packageId: one.id, bytes: one.bytes, sha256: one.sha256 }));
    await catalogue.recordArrival(transfer!.id, arrivals, []);
    await archive(catalogue, at, packageId);
    const copy = (await catalogue.copiesOfPackage(packageId)).find(
      (one) => one.location.id === at.arrival.id,
    );
    await due(catalogue, packageId);
    await challenged(catalogue, packageId);
    assert.equal((await begin(catalogue, packageId, copy!.id)).begun, true);
    await catalogue.deletions.recordCopyDeleted(copy!.id);
    await catalogue.recordArrival(transfer!.id, arrivals, []);
    const now = (await catalogue.copiesOfPackage(packageId)).find((one) => one.location.id === at.arrival.id);
    assert.equal(now?.state, 'deleted');
    assert.equal((await catalogue.packageSummary(packageId)).state, 'archived');
  }));

test('nothing at a source that is not deletable is planned for deletion', () =>
  withCatalogue(async ({ catalogue }) => {
    const at = await observatory(catalogue, { sourceDeletable: false });
    const [packageId = ''] = await packaged(catalogue, at, [entry('obs-1/a')]);
    await assert.rejects(catalogue.recordSourceFilesDeleted(packageId, ['obs-1/a'], []), DeletionError);
    await arrived(catalogue, at);
    await archive(catalogue, at, packageId);
    assert.deepEqual(await catalogue.sourceFilesToDelete(packageId), []);
    assert.equal((await catalogue.sourceProgress(at.source.id)).copiesToDelete, 2);
  }));

test('an archive copy can be marked as deleted by neither code nor hand', () =>
  withCatalogue(async ({ catalogue, dataSource }) => {
    const at = await observatory(catalogue);
    const [packageId = ''] = await packaged(catalogue, at, [entry('obs-1/a')]);
    await arrived(catalogue, at);
    await archive(catalogue, at, packageId);
    const copy = (await catalogue.copiesOfPackage(packageId)).find(
      (one) => one.location.id === at.archive.id,
    );
    await challenged(catalogue, packageId);
    const answer = await begin(catalogue, packageId, copy!.id);
    assert.deepEqual(!answer.begun && answer.reasons.map(({ code }) => code), ['long_term_archive']);
    await assert.rejects(
      dataSource.query(`update physical_copy set state = 'deleted', deleted_at = now() where id = $1`, [
        copy!.id,
      ]),
      /must not be deleted/,
    );
  }));

test('a verification is recorded when it is newer than the last', () =>
  withCatalogue(async ({ catalogue }) => {
    const at = await observatory(catalogue);
    const [packageId = ''] = await packaged(catalogue, at, [entry('obs-1/a')]);
    const [copy] = await catalogue.copiesOfPackage(packageId);
    await catalogue.recordVerified(copy!.id, '2026-01-02T00:00:00.000Z');
    await catalogue.recordVerified(copy!.id, '2026-01-01T00:00:00.000Z');
    assert.equal((await catalogue.copiesOfPackage(packageId))[0]?.verifiedAt, '2026-01-02T00:00:00.000Z');
  }));
