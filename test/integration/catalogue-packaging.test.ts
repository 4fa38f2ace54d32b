import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DataCorruptionError, PackageError, PermanentError } from '../../src/core/exceptions.js';
import {
  entry,
  observatory,
  packaged,
  planPackages,
  QUIET_SECONDS,
  resultOf,
  sha256,
} from './support/catalogue-fixture.js';
import { withCatalogue } from './support/database.js';

test('quiet files are grouped by observation and module, and planned once', () =>
  withCatalogue(async ({ catalogue }) => {
    const at = await observatory(catalogue);
    const entries = [
      entry('obs-1/a'),
      entry('obs-1/b', { instrumentModule: 'Prime-Cam' }),
      entry('obs-2/a'),
      entry('obs-2/empty', { kind: 'directory', size: 0 }),
    ];
    await catalogue.registerEntries(at.source.id, entries, QUIET_SECONDS);
    const planned = await planPackages(catalogue, at);
    const facts = planned.map((one) => [
      one.executedObsUnit,
      one.instrumentModule,
      one.part,
      one.fileCount,
      one.payloadBytes,
      one.fresh,
    ]);
    assert.deepEqual(facts.sort(), [
      ['obs-1', 'CHAI', 1, 1, 100, true],
      ['obs-1', 'Prime-Cam', 1, 1, 100, true],
      ['obs-2', 'CHAI', 1, 1, 100, true],
    ]);
    const again = await planPackages(catalogue, at);
    assert.deepEqual(
      again,
      planned.map((one) => ({ ...one, fresh: false })),
      'a planner that died in between finds them again',
    );
  }));

test('planning at once from many places makes each package once', () =>
  withCatalogue(async ({ catalogue }) => {
    const at = await observatory(catalogue);
    await catalogue.registerEntries(
      at.source.id,
      [1, 2, 3, 4].map((i) => entry(`obs-${i}/a`)),
      QUIET_SECONDS,
    );
    const answers = await Promise.all([1, 2, 3, 4].map(() => planPackages(catalogue, at)));
    assert.equal(answers.flat().filter(({ fresh }) => fresh).length, 4);
    assert.equal((await catalogue.packagesOfSource(at.source.id)).length, 4);
  }));

test('an observation waits for its files that are still written, but not for ever', () =>
  withCatalogue(async ({ catalogue, dataSource }) => {
    const at = await observatory(catalogue);
    await catalogue.registerEntries(
      at.source.id,
      [entry('obs-1/a'), entry('obs-1/b', { quiet: false }), entry('obs-2/a')],
      QUIET_SECONDS,
    );
    assert.deepEqual(
      (await planPackages(catalogue, at)).map(({ executedObsUnit }) => executedObsUnit),
      ['obs-2'],
    );
    await dataSource.query(
      `update raw_data_file set seen_at = seen_at - interval '11 minutes' where path = 'obs-1/a'`,
    );
    const late = (await planPackages(catalogue, at)).filter(({ fresh }) => fresh);
    assert.deepEqual(
      late.map((one) => [one.executedObsUnit, one.fileCount]),
      [['obs-1', 1]],
    );
  }));

test('packages are cut at the limits, and later files go into further parts', () =>
  withCatalogue(async ({ catalogue }) => {
    const at = await observatory(catalogue);
    const sizes = [400, 400, 400, 5000, 100, 100, 100, 100];
    await catalogue.registerEntries(
      at.source.id,
      sizes.map((size, i) => entry(`obs-1/${i}`, { size })),
      QUIET_SECONDS,
    );
    const planned = await planPackages(catalogue, at, { maxBytes: 1000, maxFiles: 3 });
    assert.deepEqual(
      planned.map((one) => [one.part, one.payloadBytes]),
      [
        [1, 800],
        [2, 400],
        [3, 5000],
        [4, 300],
        [5, 100],
      ],
    );
    await catalogue.registerEntries(at.source.id, [entry('obs-1/later')], QUIET_SECONDS);
    const parts = (await planPackages(catalogue, at)).filter(({ fresh }) => fresh).map(({ part }) => part);
    assert.deepEqual(parts, [6]);
  }));

test('packages that are stuck do not keep new ones from being planned', () =>
  withCatalogue(async ({ catalogue }) => {
    const at = await observatory(catalogue);
    await catalogue.registerEntries(
      at.source.id,
      [1, 2, 3, 4, 5, 6].map((i) => entry(`obs-${i}/a`)),
      QUIET_SECONDS,
    );
    assert.equal((await planPackages(catalogue, at, { limit: 4 })).length, 4);
    const next = await planPackages(catalogue, at, { limit: 4 });
    assert.deepEqual(
      next.map(({ fresh }) => fresh),
      [false, true, true],
    );
  }));

test('a made package is recorded once, however often it is told', () =>
  withCatalogue(async ({ catalogue, dataSource }) => {
    const at = await observatory(catalogue);
    await catalogue.registerEntries(
      at.source.id,
      [entry('obs-1/a'), entry('obs-1/link', { kind: 'symlink', size: 0 })],
      QUIET_SECONDS,
    );
    const [planned] = await planPackages(catalogue, at);
    const result = await resultOf(catalogue, planned!.id);
    await Promise.all([1, 2, 3].map(() => catalogue.recordPackageCreated(planned!.id, result)));
    const summary = await catalogue.packageSummary(planned!.id);
    assert.deepEqual(
      [summary.state, summary.bytes, summary.sha256, summary.fileCount],
      ['waiting', 10_240, result.sha256, 1],
    );
    const [copy, ...others] = await catalogue.copiesOfPackage(planned!.id);
    assert.deepEqual(others, []);
    assert.deepEqual(
      [copy?.location.id, copy?.state, copy?.path],
      [at.buffer.id, 'present', `${planned!.name}.tar`],
    );
    const digests: unknown = await dataSource.query(
      'select path, state, sha256 from raw_data_file order by path',
    );
    assert.deepEqual(digests, [
      { path: 'obs-1/a', state: 'packaged', sha256: sha256('obs-1/a') },
      { path: 'obs-1/link', state: 'packaged', sha256: null },
    ]);
    const audited: unknown = await dataSource.query(
      `select count(*)::integer as count from audit_entry where action = 'package_created'`,
    );
    assert.deepEqual(audited, [{ count: 1 }]);
  }));

test('a result that differs from the recorded one, or forgets an entry, is refused', () =>
  withCatalogue(async ({ catalogue }) => {
    const at = await observatory(catalogue);
    await catalogue.registerEntries(at.source.id, [entry('obs-1/a'), entry('obs-1/b')], QUIET_SECONDS);
    const [planned] = await planPackages(catalogue, at);
    const result = await resultOf(catalogue, planned!.id);
    await assert.rejects(
      catalogue.recordPackageCreated(planned!.id, { ...result, members: result.members.slice(1) }),
      PackageError,
    );
    assert.equal((await catalogue.packageSummary(planned!.id)).state, 'creating');
    await catalogue.recordPackageCreated(planned!.id, result);
    await assert.rejects(
      catalogue.recordPackageCreated(planned!.id, { ...result, sha256: sha256('other') }),
      DataCorruptionError,
    );
  }));

test('a file that changed while it was read waits to be still, and goes into a later package', () =>
  withCatalogue(async ({ catalogue, dataSource }) => {
    const at = await observatory(catalogue);
    await catalogue.registerEntries(at.source.id, [entry('obs-1/a'), entry('obs-1/b')], QUIET_SECONDS);
    const [planned] = await planPackages(catalogue, at);
    const changed = [{ path: 'obs-1/b', kind: 'changed' as const, reason: 'it grew' }];
    await catalogue.recordPackageCreated(planned!.id, await resultOf(catalogue, planned!.id, changed));
    assert.deepEqual(await catalogue.openProblems(at.source.id), []);
    assert.deepEqual(await planPackages(catalogue, at), []);

    const still = entry('obs-1/b', { size: 300, mtimeNs: '1800000000000000000', quiet: false });
    assert.equal((await catalogue.registerEntries(at.source.id, [still], QUIET_SECONDS)).unquiet, 1);
    await dataSource.query(`update raw_data_file set seen_at = seen_at - interval '2 minutes'`);
    await catalogue.registerEntries(at.source.id, [still], QUIET_SECONDS);
    const [later] = await planPackages(catalogue, at);
    assert.deepEqual([later?.part, later?.payloadBytes], [2, 300]);
  }));

test('a file that vanished before it was still is asked for in the end, and told of', () =>
  withCatalogue(async ({ catalogue, dataSource }) => {
    const at = await observatory(catalogue);
    await catalogue.registerEntries(at.source.id, [entry('obs-1/a', { quiet: false })], QUIET_SECONDS);
    await dataSource.query(`update raw_data_file set seen_at = seen_at - interval '11 minutes'`);
    const [planned] = await planPackages(catalogue, at);
    const gone = [{ path: 'obs-1/a', kind: 'vanished' as const, reason: 'it is not there any more' }];
    await catalogue.recordPackageCreated(planned!.id, await resultOf(catalogue, planned!.id, gone));
    const summary = await catalogue.packageSummary(planned!.id);
    assert.deepEqual(
      [summary.state, summary.fileCount, summary.reason],
      ['failed', 0, 'nothing in it could be packaged'],
    );
    assert.equal((await catalogue.openProblems(at.source.id)).length, 1);
    assert.deepEqual(await catalogue.copiesOfPackage(planned!.id), []);
  }));

test('many refused entries of one package are told of in one problem, until none is left', () =>
  withCatalogue(async ({ catalogue }) => {
    const at = await observatory(catalogue);
    const paths = Array.from({ length: 30 }, (_, i) => `obs-1/${i}`);
    await catalogue.registerEntries(
      at.source.id,
      [entry('obs-1/good'), ...paths.map((path) => entry(path))],
      QUIET_SECONDS,
    );
    const [planned] = await planPackages(catalogue, at);
    const refused = paths.map((path) => ({ path, kind: 'unreadable' as const, reason: 'permission denied' }));
    await catalogue.recordPackageCreated(planned!.id, await resultOf(catalogue, planned!.id, refused));
    const problems = await catalogue.openProblems(at.source.id);
    assert.equal(problems.length, 1);
    assert.match(problems[0]!.message, /^30 entries/);
    await packaged(
      catalogue,
      at,
      paths.map((path) => entry(path, { ctimeNs: '1900000000000000000' })),
    );
    assert.deepEqual(await catalogue.openProblems(at.source.id), []);
  }));

test('the files of a package that is given up are kept out until they change', () =>
  withCatalogue(async ({ catalogue }) => {
    const at = await observatory(catalogue);
    await catalogue.registerEntries(at.source.id, [entry('obs-1/a')], QUIET_SECONDS);
    const [planned] = await planPackages(catalogue, at);
    const result = await resultOf(catalogue, planned!.id);
    await catalogue.failPackage(planned!.id, 'abandoned');
    await catalogue.failPackage(planned!.id, 'abandoned again');
    await catalogue.recordPackageCreated(planned!.id, result);
    assert.equal((await catalogue.packageSummary(planned!.id)).reason, 'abandoned');
    await catalogue.registerEntries(at.source.id, [entry('obs-1/a')], QUIET_SECONDS);
    assert.deepEqual(await planPackages(catalogue, at), []);
    await catalogue.registerEntries(at.source.id, [entry('obs-1/a', { size: 5 })], QUIET_SECONDS);
    assert.equal((await planPackages(catalogue, at)).length, 1);
  }));

test('progress counts files and bytes by where they stand', () =>
  withCatalogue(async ({ catalogue }) => {
    const at = await observatory(catalogue);
    await packaged(catalogue, at, [entry('obs-1/a'), entry('obs-1/b')]);
    await catalogue.registerEntries(at.source.id, [entry('obs-2/a', { size: 11 })], QUIET_SECONDS);
    const progress = await catalogue.sourceProgress(at.source.id);
    assert.deepEqual(progress.files, { registered: 1, packaged: 2, refused: 0, deleted: 0 });
    assert.deepEqual(progress.bytes, { registered: 11, packaged: 200, refused: 0, deleted: 0 });
    assert.deepEqual(progress.packages.waiting, { packages: 1, files: 2, payloadBytes: 200, bytes: 10_240 });
    assert.deepEqual(progress.packages.archived, { packages: 0, files: 0, payloadBytes: 0, bytes: 0 });
    assert.equal(progress.copiesToDelete, 0);
  }));

test('an unknown package is a permanent error', () =>
  withCatalogue(async ({ catalogue }) => {
    await assert.rejects(catalogue.packageOrder('01890000-0000-7000-8000-000000000000'), PermanentError);
    await assert.rejects(catalogue.packageSummary('no id at all'), PermanentError);
  }));
