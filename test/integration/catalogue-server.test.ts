import assert from 'node:assert/strict';
import { test } from 'node:test';
import pg from 'pg';
import { ConfigurationError, DatabaseError, DatabaseOperationError } from '../../src/core/exceptions.js';
import type { Catalogue } from '../../src/core/database/catalogue.js';
import { MIGRATIONS } from '../../src/core/database/migrations/index.js';
import { locationById } from '../../src/core/database/catalogue/topology.js';
import { migrate, openDataSource } from '../../src/core/database/data-source.js';
import { plannedOnce } from '../../src/core/database/planned-once.js';
import { Transactions } from '../../src/core/database/transactions.js';
import { observatory, planPackages, topology, type Observatory } from './support/catalogue-fixture.js';
import { freePort, onServer, serverUrl, withCatalogue, withDatabase } from './support/database.js';

test('processes that migrate at once wait for each other, and migrating again changes nothing', () =>
  withDatabase(async (url) => {
    const sources = await Promise.all([1, 2, 3].map(() => openDataSource(url)));
    try {
      await Promise.all(sources.map((source) => migrate(source)));
      await migrate(sources[0]!);
      assert.deepEqual(await sources[0]!.query('select count(*)::integer as count from migrations'), [
        { count: MIGRATIONS.length },
      ]);
    } finally {
      await Promise.all(sources.map((source) => source.destroy()));
    }
  }));

test('the entities describe the tables that the migrations make', () =>
  withCatalogue(async ({ dataSource }) => {
    for (const entity of dataSource.entityMetadatas) {
      const described = entity.columns.map((column) => ({
        name: column.databaseName,
        type: dataSource.driver.normalizeType(column),
        nullable: column.isNullable,
      }));
      const made: { name: string; type: string; nullable: boolean }[] = await dataSource.query(
        `select column_name as name, replace(data_type, 'timestamp with time zone', 'timestamptz') as type, is_nullable = 'YES' as nullable
         from information_schema.columns where table_name = $1`,
        [entity.tableName],
      );
      const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);
      const types = (columns: typeof made) =>
        columns.map((column) => ({
          ...column,
          type: column.type.replace('timestamp with time zone', 'timestamptz'),
        }));
      assert.deepEqual(types(described).sort(byName), made.sort(byName), entity.tableName);
    }
  }));

test('a topology described again writes nothing, and a changed one changes in place', () =>
  withCatalogue(async ({ catalogue, dataSource }) => {
    const at = await observatory(catalogue);
    const count = () =>
      dataSource.query<{ count: number }[]>('select count(*)::integer as count from audit_entry');
    const before = await count();
    await Promise.all([1, 2].map(() => catalogue.ensureTopology(topology())));
    assert.deepEqual(await count(), before);
    await catalogue.ensureTopology(topology({ sourceDeletable: false }));
    const source = await catalogue.location('ccat', 'chai');
    assert.deepEqual(source, { ...at.source, deletable: false });
    assert.deepEqual(
      (await catalogue.locations('ccat')).map(({ name }) => name),
      ['buffer', 'chai'],
    );
    assert.equal((await catalogue.locations()).length, 4);
    const [route] = await catalogue.routes();
    assert.deepEqual(JSON.parse(JSON.stringify(route)), { id: route?.id, ...topology().routes[0] });
  }));

test('impossible locations and unknown names are refused', () =>
  withCatalogue(async ({ catalogue }) => {
    const { sites, locations, routes } = topology();
    const change = (changes: object) =>
      catalogue.ensureTopology({
        sites,
        routes: [],
        locations: locations.map((one) => ({ ...one, ...changes })),
      });
    await assert.rejects(change({ path: undefined }), /disk_has_a_path/);
    await assert.rejects(change({ bucket: undefined }), /s3_has_a_bucket/);
    await assert.rejects(change({ deletable: true }), /archive_keeps_everything/);
    await assert.rejects(catalogue.ensureTopology({ sites: [], locations, routes }), ConfigurationError);
    await assert.rejects(catalogue.location('ccat', 'nowhere'), ConfigurationError);
    assert.deepEqual(await catalogue.locations(), [], 'a description is taken whole or not at all');
  }));

test('the history of what was done can not be changed', () =>
  withCatalogue(async ({ catalogue, dataSource }) => {
    await observatory(catalogue);
    await assert.rejects(dataSource.query(`update audit_entry set action = 'nothing'`), /never changed/);
    await assert.rejects(dataSource.query('delete from audit_entry'), /never changed/);
  }));

test('a problem told again counts up until it is resolved', () =>
  withCatalogue(async ({ catalogue }) => {
    const { source } = await observatory(catalogue);
    const about = { errorClass: 'PermanentError', operation: 'data_transfer', subject: 'x' };
    await Promise.all(
      [1, 2, 3].map(() =>
        catalogue.reportProblem({ ...about, message: 'refused', workflowId: 'data-transfer/1' }),
      ),
    );
    await catalogue.reportProblem({ ...about, message: 'refused', sourceLocationId: source.id });
    const counts = async () => (await catalogue.openProblems(source.id)).map(({ count }) => count).sort();
    assert.deepEqual(await counts(), [1, 3]);
    await catalogue.resolveProblems({ workflowId: 'data-transfer/1' });
    assert.deepEqual(await counts(), [1]);
    await catalogue.resolveProblems({ operation: 'data_transfer', subject: 'x' });
    assert.deepEqual(await counts(), []);
    await catalogue.reportProblem({ ...about, message: 'refused once more' });
    assert.deepEqual(await counts(), [1]);
  }));

test('a wrong password, a missing database and a wrong address are told apart from an outage, without the password', async () => {
  const url = new URL(await serverUrl());
  const missing = new URL(url);
  missing.pathname = '/cdt_no_such_database';
  await assert.rejects(openDataSource(missing.href), ConfigurationError);
  await assert.rejects(openDataSource('mysql://nobody:secret-word@127.0.0.1/'), (error) => {
    assert.ok(error instanceof ConfigurationError);
    assert.doesNotMatch(error.message, /secret-word/);
    return true;
  });
  url.port = String(await freePort());
  await assert.rejects(
    openDataSource(url.href),
    (error) => error instanceof DatabaseError && !error.message.includes(url.password),
  );
});

test('a wrong password is a configuration error', async () => {
  const url = new URL(await serverUrl());
  await onServer(url.href, `create role cdt_test_wrong login password 'right'`);
  try {
    const wrong = new URL(url);
    wrong.username = 'cdt_test_wrong';
    wrong.password = 'wrong';
    await assert.rejects(openDataSource(wrong.href), ConfigurationError);
  } finally {
    await onServer(url.href, 'drop role cdt_test_wrong');
  }
});

test('a connection that the server cuts is an outage, and the next call connects anew', () =>
  withCatalogue(async ({ catalogue, url }) => {
    const at = await observatory(catalogue);
    const planning = await blockedPlanning(catalogue, at, url, 'pg_terminate_backend');
    assert.equal(planning.constructor, DatabaseError);
    assert.deepEqual(await planPackages(catalogue, at), []);
    await onServer(
      url,
      'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
    );
    // A pool learns of an idle connection's end a moment later: at most each of its connections fails once.
    const answers = await Promise.allSettled(Array.from({ length: 8 }, () => catalogue.locations()));
    for (const answer of answers)
      if (answer.status === 'rejected') assert.ok(answer.reason instanceof DatabaseError);
    assert.equal((await catalogue.locations()).length, 4);
  }));

test('a statement that the server stops is an error that may be tried again', () =>
  withCatalogue(async ({ catalogue, url }) => {
    const at = await observatory(catalogue);
    const planning = await blockedPlanning(catalogue, at, url, 'pg_cancel_backend');
    assert.ok(planning instanceof DatabaseOperationError);
    assert.deepEqual(await planPackages(catalogue, at), []);
  }));

/** Has planning wait for a lock, stops it there from outside, and answers with what it threw. */
async function blockedPlanning(
  catalogue: Catalogue,
  at: Observatory,
  url: string,
  stop: string,
): Promise<Error> {
  const other = new pg.Client({ connectionString: url });
  await other.connect();
  try {
    await other.query('begin');
    await other.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [`source ${at.source.id}`]);
    const outcome = planPackages(catalogue, at).then(
      () => new Error('planning was not stopped'),
      (error: unknown) => error as Error,
    );
    let stopped = 0;
    while (stopped === 0) {
      const answer = await other.query(
        `select ${stop}(pid) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
      );
      stopped = answer.rows.length;
    }
    return await outcome;
  } finally {
    await other.end();
  }
}

test('the pool has as many connections as it is told, and a statement ends when its time is over', () =>
  withDatabase(async (url) => {
    const dataSource = await openDataSource(url, { poolSize: 2, statementSeconds: 1 });
    try {
      await Promise.all(Array.from({ length: 6 }, () => dataSource.query('select pg_sleep(0.05)')));
      const [open] = await dataSource.query<{ n: number }[]>(
        `select count(*)::integer as n from pg_stat_activity where datname = current_database()`,
      );
      assert.equal(open?.n, 2);
      await assert.rejects(
        new Transactions(dataSource).read((manager) => manager.query('select pg_sleep(30)')),
        DatabaseOperationError,
      );
    } finally {
      await dataSource.destroy();
    }
  }));

test('a connection keeps the statements that are planned once, and what is looked up by its ID; no others', () =>
  withCatalogue(async ({ catalogue, dataSource }) => {
    await catalogue.ensureTopology(topology());
    const [location] = await catalogue.locations();
    const once = plannedOnce('select 40 + $1::integer as answer');
    await dataSource.transaction(async (manager) => {
      for (const more of [2, 3]) assert.deepEqual(await manager.query(once, [more]), [{ answer: 40 + more }]);
      assert.deepEqual(await manager.query('select 50 + $1::integer as answer', [1]), [{ answer: 51 }]);
      assert.equal((await locationById(manager, location!.id)).name, location!.name);
      await assert.rejects(manager.transaction((inner) => inner.query(once, ['no number'])));
      assert.deepEqual(await manager.query(once, [4]), [{ answer: 44 }], 'also after one that failed');
      const kept = await manager.query<{ statement: string }[]>(
        'select statement from pg_prepared_statements',
      );
      assert.equal(kept.length, 2);
      assert.ok(kept.some(({ statement }) => statement === once));
      assert.ok(kept.some(({ statement }) => statement.startsWith('SELECT "DataLocationEntity"')));
    });
  }));
