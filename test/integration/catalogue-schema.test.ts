import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DataSource } from 'typeorm';
import { uniqueId } from '../../src/core/utilities/unique-id.js';
import { archive, arrived, entry, observatory, packaged } from './support/catalogue-fixture.js';
import { withCatalogue } from './support/database.js';
import { begin, challenged, due } from './support/deletion-fixture.js';

/** Tables that are not mapped to objects: triggers and migrations write them, or statements of a module that is their one home. */
const WITHOUT_ENTITY = [
  'copy_tally',
  'package_tally',
  ...['audit_unsealed', 'migrations', 'physical_copy_transition'],
  ...['archive_audit', 'archive_damage', 'notification', 'notification_delivery', 'store_capability'],
  ...['staged_copy', 'staged_file', 'staging_job', 'staging_job_item'],
];

/** Keys that need no index: the rows that they refer to are never deleted, and no query seeks by them. */
const NEVER_SOUGHT = [
  'archive_damage.repaired_from',
  'data_location.site_id',
  'data_transfer.data_transfer_package_id',
  'data_transfer.destination_location_id',
  'data_transfer.route_id',
  'data_transfer_item.destination_location_id',
  'data_transfer_route.destination_location_id',
  'data_transfer_route.destination_site_id',
  'data_transfer_route.origin_location_id',
  'data_transfer_route.origin_site_id',
  'data_transfer_route.via_site_id',
  'problem.source_location_id',
  'raw_data_file.executed_obs_unit_id',
  'raw_data_file.instrument_module_id',
  'setting.data_location_id',
  'setting.site_id',
  'setting_change.data_location_id',
  'setting_change.site_id',
  'staged_copy.raw_data_package_id',
  'staged_file.raw_data_file_id',
  'staging_job_item.archive_location_id',
];

test('every table has its entity', () =>
  withCatalogue(async ({ dataSource }) => {
    const tables: { name: string }[] = await dataSource.query(
      `select table_name as name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE' order by 1`,
    );
    const mapped = dataSource.entityMetadatas.map((one) => one.tableName);
    const [there, known] = [tables.map(({ name }) => name), [...mapped, ...WITHOUT_ENTITY]];
    assert.deepEqual(
      {
        unknown: there.filter((one) => !known.includes(one)),
        missing: known.filter((one) => !there.includes(one)),
      },
      { unknown: [], missing: [] },
    );
    for (const entity of dataSource.entityMetadatas)
      await dataSource.getRepository(entity.name).find({ take: 1 });
  }));

// A partial index holds what is open, and only that is sought.
test('every key that refers to another table leads an index, or is never sought', () =>
  withCatalogue(async ({ dataSource }) => {
    const lacking: { name: string }[] = await dataSource.query(
      `select c.conrelid::regclass::text || '.' || string_agg(a.attname, ',' order by k.place) as name
       from pg_constraint c
       cross join unnest(c.conkey) with ordinality as k (number, place)
       join pg_attribute a on a.attrelid = c.conrelid and a.attnum = k.number
       where c.contype = 'f' and not exists (
         select from pg_index i where i.indrelid = c.conrelid
           and (i.indkey::int2[])[0:cardinality(c.conkey) - 1] @> c.conkey)
       group by c.oid, c.conrelid order by 1`,
    );
    assert.deepEqual(
      lacking.map(({ name }) => name).filter((name) => !NEVER_SOUGHT.includes(name)),
      [],
    );
  }));

test('of a source that is observed, only what its kind has can be told', () =>
  withCatalogue(async ({ dataSource }) => {
    const insert = (kind: string, values: Record<string, unknown>) => {
      const columns = ['id', 'name', 'kind', ...Object.keys(values)];
      const places = columns.map((_, index) => `$${index + 1}`).join(', ');
      const id = uniqueId();
      return dataSource.query(`insert into source (${columns.join(', ')}) values (${places})`, [
        id,
        id,
        kind,
        ...Object.values(values),
      ]);
    };
    const range = { azimuth_from_degrees: 120, azimuth_to_degrees: 180, elevation_degrees: 60 };
    await insert('fixed', { ra_degrees: 83.8, dec_degrees: -5.4 });
    await insert('solar_system', { body: 'Mars' });
    await insert('constant_elevation', range);
    await assert.rejects(insert('fixed', { ra_degrees: 83.8 }), /fixed_has_coordinates/);
    await assert.rejects(insert('fixed', { ra_degrees: 360, dec_degrees: 0 }), /ra_degrees/);
    await assert.rejects(
      insert('fixed', { ra_degrees: 1, dec_degrees: 1, body: 'Mars' }),
      /solar_system_has_a_body/,
    );
    await assert.rejects(insert('solar_system', {}), /solar_system_has_a_body/);
    await assert.rejects(
      insert('solar_system', { body: 'Mars', ...range }),
      /constant_elevation_has_a_range/,
    );
    await assert.rejects(
      insert('constant_elevation', { ...range, azimuth_to_degrees: 100 }),
      /azimuth_goes_upward/,
    );
    await assert.rejects(insert('comet', {}), /check/);
  }));

test("a planned observation is of one program, and its modules' configurations are theirs", () =>
  withCatalogue(async ({ dataSource }) => {
    const [program, other, sub, source, mode, unit] = ids();
    const [moduleA, moduleB, configuration] = ids();
    const run = (statement: string, ...values: unknown[]) => dataSource.query(statement, values);
    await run(
      `insert into observing_program values ($1, 'GEco', 'galactic'), ($2, 'CMB', 'background')`,
      program,
      other,
    );
    await run(`insert into sub_observing_program values ($1, $2, 'north', 'northern part')`, sub, program);
    await run(
      `insert into source (id, name, kind, body) values ($1, 'Mars', 'solar_system', 'Mars')`,
      source,
    );
    await run(`insert into obs_mode values ($1, 'scan')`, mode);
    const plan = (programId: unknown) =>
      run(
        `insert into obs_unit (id, name, observing_program_id, sub_observing_program_id, source_id, obs_mode_id)
         values ($1, 'map 1', $2, $3, $4, $5)`,
        ...[unit, programId, sub, source, mode],
      );
    await assert.rejects(plan(other), /sub_program_of_the_program/);
    await plan(program);

    await run(`insert into instrument_module (id, name) values ($1, 'A'), ($2, 'B')`, moduleA, moduleB);
    await run(
      `insert into instrument_module_configuration values ($1, $2, 'narrow', '{}')`,
      configuration,
      moduleA,
    );
    const configure = (module: unknown) =>
      run('insert into obs_unit_module_configuration values ($1, $2, $3)', unit, module, configuration);
    await assert.rejects(configure(moduleB), /configuration_of_the_module/);
    await configure(moduleA);
    await assert.rejects(configure(moduleA), /duplicate key/);
  }));

test('an execution has the times that its status tells of, and no others', () =>
  withCatalogue(async ({ catalogue, dataSource }) => {
    const { source } = await observatory(catalogue);
    const insert = (status: string, startedAt: string | null, finishedAt: string | null) =>
      dataSource.query(
        `insert into executed_obs_unit (id, source_location_id, name, status, started_at, finished_at) values ($1, $2, $3, $4, $5, $6)`,
        [uniqueId(), source.id, uniqueId(), status, startedAt, finishedAt],
      );
    const [earlier, later] = ['2026-01-01T00:00:00Z', '2026-01-01T01:00:00Z'];
    await insert('pending', null, null);
    await insert('in_progress', earlier, null);
    await insert('completed', null, later);
    await insert('failed', earlier, later);
    await assert.rejects(insert('in_progress', null, null), /begun_has_a_time/);
    await assert.rejects(insert('pending', earlier, null), /pending_has_no_time/);
    await assert.rejects(insert('completed', earlier, null), /over_has_a_time/);
    await assert.rejects(insert('in_progress', earlier, later), /over_has_a_time/);
    await assert.rejects(insert('completed', later, earlier), /ends_after_it_began/);
  }));

test('of a token nothing is kept that opens anything, and a log belongs to one transfer', () =>
  withCatalogue(async ({ dataSource }) => {
    const user = uniqueId();
    await dataSource.query(`insert into "user" values ($1, 'chai-control', null, true, now())`, [user]);
    const token = (prefix: string, hash: string) =>
      dataSource.query(
        `insert into api_token (id, user_id, name, prefix, hash, created_at) values ($1, $2, 'filing', $3, $4, now())`,
        [uniqueId(), user, prefix, hash],
      );
    await assert.rejects(token('abcdefgh', 'the-secret-itself'), /hash/);
    await token('abcdefgh', 'a'.repeat(64));
    await assert.rejects(
      dataSource.query(
        `insert into data_transfer_log (id, site, path, bytes, sha256, created_at, attempt, started_at, ended_at, outcome, bytes_moved)
         values ($1, 'ccat', '/var/log/x', 1, $2, now(), 1, now(), now(), 'completed', 1)`,
        [uniqueId(), 'a'.repeat(64)],
      ),
      /log_of_one_thing/,
    );
  }));

test('the copies of files and of transfer packages can be asked for, though no row is kept for each', () =>
  withCatalogue(async ({ catalogue, dataSource }) => {
    const at = await observatory(catalogue);
    const [id = ''] = await packaged(catalogue, at, [entry('obs-1/a.fits'), entry('obs-1/b.fits')]);
    await arrived(catalogue, at);
    await archive(catalogue, at, id);
    assert.deepEqual(await fileCopies(dataSource), [
      { path: 'obs-1/a.fits', location: 'chai', state: 'present' },
      { path: 'obs-1/b.fits', location: 'chai', state: 'present' },
    ]);
    const bundles = () =>
      dataSource.query<unknown[]>(
        `select l.name as location, s.short_name as site, v.state, v.packages_there as there, v.package_count as of
         from data_transfer_package_physical_copy v join data_location l on l.id = v.data_location_id
         join site s on s.id = l.site_id order by 2`,
      );
    const there = { location: 'buffer', state: 'present', there: 1, of: 1 };
    assert.deepEqual(await bundles(), [
      { ...there, site: 'ccat' },
      { ...there, site: 'cologne' },
    ]);

    await due(catalogue, id);
    await challenged(catalogue, id);
    assert.ok((await begin(catalogue, id, id)).begun);
    await catalogue.recordSourceFilesDeleted(id, ['obs-1/a.fits'], []);
    assert.deepEqual(await fileCopies(dataSource), [
      { path: 'obs-1/a.fits', location: 'chai', state: 'deleted' },
      { path: 'obs-1/b.fits', location: 'chai', state: 'present' },
    ]);
    assert.deepEqual(await bundles(), [
      { ...there, site: 'ccat', state: 'deletion_scheduled' },
      { ...there, site: 'cologne', state: 'deletion_scheduled' },
    ]);
  }));

function fileCopies(dataSource: DataSource): Promise<unknown[]> {
  return dataSource.query(
    `select v.path, l.name as location, v.state from raw_data_file_physical_copy v
     join data_location l on l.id = v.data_location_id order by v.path, l.name`,
  );
}

/** Six new ones. */
function ids(): string[] {
  return Array.from({ length: 6 }, () => uniqueId());
}
