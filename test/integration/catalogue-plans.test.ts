import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DataSource, Logger } from 'typeorm';
import type { Catalogue } from '../../src/core/database/catalogue.js';
import { entry, observatory, type Observatory } from './support/catalogue-fixture.js';
import { withCatalogue } from './support/database.js';

/**
 * What planners ask of a catalogue of years: each statement that they send is planned by PostgreSQL, and none reads one of the large tables from
 * beginning to end.
 */

const FILES = 200_000;
const FILES_OF_PACKAGE = 10;
const PACKAGES = FILES / FILES_OF_PACKAGE;
/** One of so many packages is not archived yet; of one of so many, copies and files are left over. */
const WAITING = 2000;
const LEFT_OVER = 2500;
const LARGE = ['raw_data_file', 'raw_data_package', 'physical_copy', 'data_transfer_item', 'audit_entry'];

/** Years of archived packages, and the little that is under way, as it stands in a catalogue that has run for long. */
const SEED = [
  `insert into instrument_module (id, name) values (md5('module')::uuid, 'CHAI') on conflict do nothing`,
  `insert into executed_obs_unit (id, source_location_id, name)
   select md5('unit' || n)::uuid, $1::uuid, 'obs-' || n from generate_series(1, ${PACKAGES}) n`,
  `insert into raw_data_package (id, name, source_location_id, buffer_location_id, executed_obs_unit_id, instrument_module_id, part, state,
     file_count, payload_bytes, bytes, sha256, created_at, packaged_at, arrived_at, archived_at, source_freed_at)
   select md5('package' || n)::uuid, 'package-' || n, $1, $2, md5('unit' || n)::uuid,
     (select id from instrument_module where name = 'CHAI'), 1, case when n % ${WAITING} = 0 then 'waiting' else 'archived' end,
     ${FILES_OF_PACKAGE}, 5000, 6000, repeat('a', 64), at, at, at, case when n % ${WAITING} <> 0 then at end, case when n % ${WAITING} <> 0 and n % ${LEFT_OVER} <> 1 then at end
   from generate_series(1, ${PACKAGES}) n, lateral (select now() - n * interval '20 minutes' as at) t`,
  `insert into raw_data_file (id, source_location_id, executed_obs_unit_id, instrument_module_id, path, path_hash, kind, size, mtime_ns, ctime_ns,
     state, quiet, seen_at, raw_data_package_id, sha256, deleted_at)
   select md5('file' || n)::uuid, $1, md5('unit' || package)::uuid, (select id from instrument_module where name = 'CHAI'),
     'obs-' || package || '/' || n, md5('path' || n), 'file', 100, n, n,
     case when n % 2000 = 0 then 'registered' when package % ${WAITING} = 0 or package % ${LEFT_OVER} = 1 then 'packaged' else 'deleted' end, true, now(),
     case when n % 2000 <> 0 then md5('package' || package)::uuid end, case when n % 2000 <> 0 then repeat('b', 64) end,
     case when n % 2000 <> 0 and package % ${WAITING} <> 0 and package % ${LEFT_OVER} <> 1 then now() end
   from generate_series(1, ${FILES}) n, lateral (select (n - 1) / ${FILES_OF_PACKAGE} + 1 as package) p`,
  // In the archive, and what is left of them in both buffers.
  `insert into physical_copy (id, raw_data_package_id, data_location_id, state, path, bytes, sha256, verified_at, created_at, deleted_at)
   select md5(place::text || n)::uuid, md5('package' || n)::uuid, place, state, 'package-' || n || '.tar', 6000, repeat('a', 64), now(),
     now() - n * interval '20 minutes', case when state = 'deleted' then now() end
   from generate_series(1, ${PACKAGES}) n, unnest($1::uuid[]) with ordinality as places (place, which), lateral (
     select case when which = 3 then 'present' when n % ${WAITING} = 0 then case when which = 1 then 'present' else 'deleted' end
       when n % ${LEFT_OVER} = 1 then 'present' else 'deleted' end as state) s`,
  `insert into long_term_archive_transfer (id, raw_data_package_id, archive_location_id, status, created_at, completed_at)
   select md5('lta' || n)::uuid, md5('package' || n)::uuid, $1, 'completed', now(), now()
   from generate_series(1, ${PACKAGES}) n where n % ${WAITING} <> 0`,
  `insert into data_transfer_package (id, name, package_count, bytes, created_at)
   select md5('bundle' || n)::uuid, 'bundle-' || n, 10, 60000, now() - n * interval '200 minutes' from generate_series(1, ${PACKAGES / 10}) n`,
  `insert into data_transfer (id, data_transfer_package_id, route_id, origin_location_id, destination_location_id, status, unpack_status,
     created_at, completed_at)
   select md5('transfer' || n)::uuid, md5('bundle' || n)::uuid, (select id from data_transfer_route), $1, $2, 'completed', 'completed', at, at
   from generate_series(1, ${PACKAGES / 10}) n, lateral (select now() - n * interval '200 minutes' as at) t`,
  `insert into data_transfer_item (data_transfer_id, raw_data_package_id, destination_location_id, status, closed_at)
   select md5('transfer' || (n + 9) / 10)::uuid, md5('package' || n)::uuid, $1, 'arrived', now() from generate_series(1, ${PACKAGES}) n
   where n % ${WAITING} <> 0`,
];

async function seed(
  dataSource: DataSource,
  { source, buffer, arrival, archive }: Observatory,
): Promise<void> {
  const places = [buffer.id, arrival.id, archive.id];
  const parameters = [
    [],
    [source.id],
    [source.id, buffer.id],
    [source.id],
    [places],
    [archive.id],
    [],
    [buffer.id, arrival.id],
    [arrival.id],
  ];
  await dataSource.transaction(async (manager) => {
    // Rows of the past: the rules for what may change are not about them.
    await manager.query('set local session_replication_role = replica');
    for (const [index, statement] of SEED.entries()) await manager.query(statement, parameters[index]);
  });
  await dataSource.query('analyze');
}

interface Sent {
  statement: string;
  parameters: unknown[];
}

/** Every statement that something sends. */
async function statementsOf(dataSource: DataSource, act: () => Promise<unknown>): Promise<Sent[]> {
  const sent: Sent[] = [];
  const before = dataSource.logger;
  const nothing = () => undefined;
  const logger: Logger = {
    logQuery: (statement, parameters = []) =>
      void sent.push({ statement, parameters: parameters as unknown[] }),
    logQueryError: nothing,
    logQuerySlow: nothing,
    logSchemaBuild: nothing,
    logMigration: nothing,
    log: nothing,
  };
  dataSource.logger = logger;
  try {
    await act();
  } finally {
    dataSource.logger = before;
  }
  return sent.filter(({ statement }) => /^\s*(with|select|insert|update|delete)\b/i.test(statement));
}

interface PlanNode {
  'Node Type': string;
  'Relation Name'?: string;
  Plans?: PlanNode[];
}

/** The large tables that a statement would read whole. */
async function readWhole(dataSource: DataSource, { statement, parameters }: Sent): Promise<string[]> {
  const answer = await dataSource.query<{ 'QUERY PLAN': { Plan: PlanNode }[] }[]>(
    `explain (format json) ${statement}`,
    parameters,
  );
  const found: string[] = [];
  const visit = (node: PlanNode): void => {
    const table = node['Relation Name'];
    if (node['Node Type'] === 'Seq Scan' && table !== undefined && LARGE.includes(table)) found.push(table);
    for (const below of node.Plans ?? []) visit(below);
  };
  visit(answer[0]!['QUERY PLAN'][0]!.Plan);
  return found;
}

/** What the planners of every operation ask, by what asks. */
function planners(catalogue: Catalogue, at: Observatory): Record<string, () => Promise<unknown>> {
  const { source, buffer, arrival, archive } = at;
  const limits = { maxBytes: 1e9, maxFiles: 1000, executionQuietSeconds: 0, waitSeconds: 0, limit: 100 };
  return {
    'a scan registers files': () =>
      catalogue.registerEntries(source.id, [entry('obs-7/new.fits'), entry('obs-8/new.fits')], 60),
    packaging: () =>
      catalogue.planRawDataPackages({ sourceLocationId: source.id, bufferLocationId: buffer.id, ...limits }),
    bundling: () =>
      catalogue.planDataTransfers({ bufferLocationId: buffer.id, maxPackages: 10, maxBytes: 1e9 }),
    'bundling what came': () =>
      catalogue.planDataTransfers({ bufferLocationId: arrival.id, maxPackages: 10, maxBytes: 1e9 }),
    archiving: () => catalogue.planArchiveTransfers(archive.id),
    'deletion, candidates': () => catalogue.deletions.candidates('ccat', 100),
    'deletion, facts': async () =>
      catalogue.deletions.facts(await catalogue.deletions.candidates('cologne', 20)),
    'audit, due copies': () =>
      catalogue.fixity.dueCopies(archive.id, {
        before: new Date(0).toISOString(),
        askedBefore: new Date().toISOString(),
        limit: 100,
      }),
    'audit, repairs': () => catalogue.fixity.openRepairs(archive.id),
    'staging, what nobody needs': () => catalogue.staging.unneededCopies(buffer.id, 100),
    'staging, forgotten jobs': () => catalogue.staging.forgotten(buffer.id),
    notifications: () => catalogue.notifications.dispatch([], 60),
    'attempts of transfers': () => catalogue.transferLogs.list({ limit: 50 }),
    'explaining a package': async () => {
      const { packageIds } = await catalogue.explain.findSubjects('package-17');
      await catalogue.explain.packageJourney(packageIds[0]!);
    },
    'explaining a file': () => catalogue.explain.findSubjects('obs-1/1'),
  };
}

test('no planner reads a large table whole, in a catalogue of years', { timeout: 120_000 }, () =>
  withCatalogue(async ({ catalogue, dataSource }) => {
    const at = await observatory(catalogue);
    await seed(dataSource, at);
    const whole: string[] = [];
    for (const [name, ask] of Object.entries(planners(catalogue, at))) {
      const sent = await statementsOf(dataSource, ask);
      assert.ok(sent.length > 0, `${name} asks the catalogue`);
      for (const one of sent)
        for (const table of await readWhole(dataSource, one))
          whole.push(`${name} reads all of ${table}: ${one.statement.replace(/\s+/g, ' ').slice(0, 300)}`);
    }
    assert.deepEqual(whole, []);

    // That this can fail: without its index, the look for files to package is one over all files.
    await dataSource.query(
      'drop index raw_data_file_to_package, raw_data_file_unfinished, raw_data_file_unpackaged',
    );
    const packaging = await statementsOf(dataSource, planners(catalogue, at)['packaging']!);
    const found = await Promise.all(packaging.map((one) => readWhole(dataSource, one)));
    assert.ok(found.flat().includes('raw_data_file'));
  }),
);
