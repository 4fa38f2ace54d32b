import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  entry,
  observatory,
  packaged,
  planPackages,
  QUIET_SECONDS,
  resultOf,
} from './support/catalogue-fixture.js';
import { withCatalogue } from './support/database.js';

const OLDER = `update raw_data_file set seen_at = seen_at - interval '2 minutes'`;

test('a path seen again unchanged is not written', () =>
  withCatalogue(async ({ catalogue, dataSource }) => {
    const { source } = await observatory(catalogue);
    const entries = [entry('obs-1/a'), entry('obs-1/b')];
    assert.deepEqual(await catalogue.registerEntries(source.id, entries, QUIET_SECONDS), {
      fresh: 2,
      changed: 0,
      unquiet: 0,
    });
    const before: unknown = await dataSource.query('select xmin::text, * from raw_data_file order by path');
    assert.deepEqual(await catalogue.registerEntries(source.id, entries, QUIET_SECONDS), {
      fresh: 0,
      changed: 0,
      unquiet: 0,
    });
    assert.deepEqual(await dataSource.query('select xmin::text, * from raw_data_file order by path'), before);
  }));

test('the same batch registered twice at once makes each row once', () =>
  withCatalogue(async ({ catalogue }) => {
    const { source } = await observatory(catalogue);
    const entries = Array.from({ length: 50 }, (_, i) => entry(`obs-1/${i}`));
    const answers = await Promise.all(
      [1, 2, 3, 4].map(() => catalogue.registerEntries(source.id, entries, QUIET_SECONDS)),
    );
    assert.equal(
      answers.reduce((sum, { fresh }) => sum + fresh, 0),
      50,
    );
    assert.equal((await catalogue.sourceProgress(source.id)).files.registered, 50);
  }));

test('names of every kind are kept exactly, up to paths of 4 KB', () =>
  withCatalogue(async ({ catalogue }) => {
    const at = await observatory(catalogue);
    const paths = [
      'obs-1/it\'s "quoted"',
      'obs-1/new\nline\r',
      'obs-1/-rf',
      'obs-1/%FF',
      'obs-1/Ä 😀',
      'obs-1/back\\slash',
      `obs-1/${'deep/'.repeat(800)}x`,
    ];
    await catalogue.registerEntries(
      at.source.id,
      paths.map((path) => entry(path)),
      QUIET_SECONDS,
    );
    const [planned] = await planPackages(catalogue, at);
    const order = await catalogue.packageOrder(planned!.id);
    const inByteOrder = [...paths].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    assert.deepEqual(
      order.entries.map(({ path }) => path),
      inByteOrder,
    );
    assert.deepEqual(order.entries[0], {
      path: inByteOrder[0],
      kind: 'file',
      size: 100,
      mtimeNs: '1700000000000000001',
      ctimeNs: '1700000000000000002',
    });
  }));

test('a file becomes quiet when a later scan finds it unchanged after the quiet period', () =>
  withCatalogue(async ({ catalogue, dataSource }) => {
    const { source } = await observatory(catalogue);
    const written = [entry('obs-1/a', { quiet: false })];
    assert.equal((await catalogue.registerEntries(source.id, written, QUIET_SECONDS)).unquiet, 1);
    assert.equal((await catalogue.registerEntries(source.id, written, QUIET_SECONDS)).unquiet, 1);
    await dataSource.query(OLDER);
    assert.deepEqual(await catalogue.registerEntries(source.id, written, QUIET_SECONDS), {
      fresh: 0,
      changed: 0,
      unquiet: 0,
    });
  }));

test('a file that changes before it is packaged is taken up as it is now', () =>
  withCatalogue(async ({ catalogue }) => {
    const at = await observatory(catalogue);
    await catalogue.registerEntries(at.source.id, [entry('obs-1/a', { quiet: false })], QUIET_SECONDS);
    const grown = entry('obs-1/a', { size: 200, mtimeNs: '1700000000000000009' });
    assert.deepEqual(await catalogue.registerEntries(at.source.id, [grown], QUIET_SECONDS), {
      fresh: 0,
      changed: 1,
      unquiet: 0,
    });
    const [planned] = await planPackages(catalogue, at);
    assert.equal(planned?.payloadBytes, 200);
    assert.equal((await catalogue.packageOrder(planned.id)).entries[0]?.mtimeNs, '1700000000000000009');
  }));

test('a file that changes after it was packaged is packaged once more, as a new version', () =>
  withCatalogue(async ({ catalogue }) => {
    const at = await observatory(catalogue);
    const [first] = await packaged(catalogue, at, [entry('obs-1/a')]);
    const rewritten = entry('obs-1/a', { mtimeNs: '1800000000000000000' });
    assert.deepEqual(await catalogue.registerEntries(at.source.id, [rewritten], QUIET_SECONDS), {
      fresh: 0,
      changed: 1,
      unquiet: 0,
    });
    const [second] = await planPackages(catalogue, at);
    assert.equal(second?.part, 2);
    assert.equal((await catalogue.packageOrder(first!)).entries[0]?.mtimeNs, '1700000000000000001');
    assert.equal((await catalogue.packageOrder(second.id)).entries[0]?.mtimeNs, '1800000000000000000');
  }));

test('a path that is again as it was packaged does not wait for a package any more', () =>
  withCatalogue(async ({ catalogue }) => {
    const at = await observatory(catalogue);
    await packaged(catalogue, at, [entry('obs-1/a')]);
    await catalogue.registerEntries(at.source.id, [entry('obs-1/a', { size: 7 })], QUIET_SECONDS);
    assert.equal((await catalogue.sourceProgress(at.source.id)).files.registered, 1);
    await catalogue.registerEntries(at.source.id, [entry('obs-1/a')], QUIET_SECONDS);
    assert.equal((await catalogue.sourceProgress(at.source.id)).files.registered, 0);
  }));

test('a refused entry is taken up again when its permissions change, and its problem is resolved by a good package', () =>
  withCatalogue(async ({ catalogue }) => {
    const at = await observatory(catalogue);
    await catalogue.registerEntries(at.source.id, [entry('obs-1/a'), entry('obs-1/b')], QUIET_SECONDS);
    const [first] = await planPackages(catalogue, at);
    const refused = [{ path: 'obs-1/b', kind: 'unreadable' as const, reason: 'permission denied' }];
    await catalogue.recordPackageCreated(first!.id, await resultOf(catalogue, first!.id, refused));
    const told = await catalogue.openProblems(at.source.id);
    assert.deepEqual(
      told.map(({ subject, message }) => [subject, message]),
      [['obs-1/b', 'permission denied']],
    );
    assert.equal((await catalogue.sourceProgress(at.source.id)).files.refused, 1);

    await catalogue.registerEntries(at.source.id, [entry('obs-1/b')], QUIET_SECONDS);
    assert.deepEqual(await planPackages(catalogue, at), [], 'nothing changed, so nothing is tried again');
    await catalogue.registerEntries(
      at.source.id,
      [entry('obs-1/b', { ctimeNs: '1900000000000000000' })],
      QUIET_SECONDS,
    );
    const [second] = await planPackages(catalogue, at);
    await catalogue.recordPackageCreated(second!.id, await resultOf(catalogue, second!.id));
    assert.deepEqual(await catalogue.openProblems(at.source.id), []);
    assert.equal((await catalogue.sourceProgress(at.source.id)).files.refused, 0);
  }));

test('a hundred thousand entries are registered and grouped in pages', () =>
  withCatalogue(async ({ catalogue }) => {
    const at = await observatory(catalogue);
    const total = 100_000;
    for (let from = 0; from < total; from += 1000) {
      const batch = Array.from({ length: 1000 }, (_, i) =>
        entry(`obs-1/${String(from + i).padStart(6, '0')}.fits`),
      );
      await catalogue.registerEntries(at.source.id, batch, QUIET_SECONDS);
    }
    const planned = await planPackages(catalogue, at, { maxFiles: 30_000 });
    assert.deepEqual(
      planned.map(({ fileCount }) => fileCount),
      [30_000, 30_000, 30_000, 10_000],
    );
    const { entries } = await catalogue.packageOrder(planned[3]!.id);
    assert.equal(entries[0]?.path, 'obs-1/090000.fits');
    await catalogue.recordPackageCreated(planned[0]!.id, await resultOf(catalogue, planned[0]!.id));
    assert.equal((await catalogue.sourceProgress(at.source.id)).files.packaged, 30_000);
  }));

test('a folder whose files were packaged is not taken for a new one; other folders without files are', () =>
  withCatalogue(async ({ catalogue, dataSource }) => {
    const at = await observatory(catalogue);
    const long = `obs-1/${'long folder/'.repeat(40)}end`;
    await catalogue.registerEntries(at.source.id, [entry(`${long}/a`), entry('obs-1/%_in/b')], QUIET_SECONDS);
    await planPackages(catalogue, at);
    const folder = (path: string) => ({ ...entry(path), kind: 'directory' as const, size: 0 });
    const left = [folder(long), folder('obs-1'), folder('obs-1/%_in'), folder(long.slice(0, -4))];
    const others = [folder(`${long} 2`), folder('obs-1/xxin'), folder('obs-10'), folder('obs')];
    const { fresh } = await catalogue.registerEntries(at.source.id, [...left, ...others], QUIET_SECONDS);
    assert.equal(fresh, others.length);
    const folders: { path: string }[] = await dataSource.query(
      `select path from raw_data_file where kind = 'directory'`,
    );
    assert.deepEqual(new Set(folders.map(({ path }) => path)), new Set(others.map(({ path }) => path)));
  }));
