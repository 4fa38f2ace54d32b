import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DataSource } from 'typeorm';
import { loadYears } from '../support/years/load.js';
import { withCatalogue } from './support/database.js';

/** The bulk loader that tests and benchmarks fill a catalogue with. */

test(
  'what the loader writes satisfies every constraint and every trigger of the catalogue',
  { timeout: 120_000 },
  () =>
    withCatalogue(async ({ catalogue, dataSource, url }) => {
      await loadYears(url, dataSource, { files: 10_000, honourTriggers: true });
      const { faults, checked, unsealed } = await catalogue.auditLog.verify();
      assert.deepEqual({ faults, unsealed }, { faults: [], unsealed: 0 });
      assert.ok(checked > 500);
      assert.deepEqual(await tallies(dataSource), await counts(dataSource));
      // What was written is what the product reads: the last steps are planned, and nothing is planned twice.
      const at = await catalogue.location('cologne', 'lta');
      assert.equal((await catalogue.planArchiveTransfers(at.id)).length, 10);
      assert.equal((await catalogue.fixity.dueCopies(at.id, ninetyDays())).length, 20);
    }),
);

test('the quick way leaves the same tables, indexes and rows behind', { timeout: 120_000 }, () =>
  withCatalogue(async ({ dataSource, url }) => {
    const before = await schema(dataSource);
    await loadYears(url, dataSource, { files: 200_000 });
    assert.deepEqual(await schema(dataSource), before);
    assert.deepEqual(await tallies(dataSource), await counts(dataSource));
    assert.deepEqual(await orphans(dataSource), []);
    const rows = await dataSource.query<{ files: string }[]>(
      'select count(*) as files from raw_data_file where raw_data_package_id is not null',
    );
    assert.equal(Number(rows[0]?.files), 200_000);
  }),
);

test('tallies follow what is inserted, changed, given up and added up', () =>
  withCatalogue(async ({ catalogue, dataSource, url }) => {
    await loadYears(url, dataSource, { files: 10_000 });
    await dataSource.query(
      'update raw_data_package set freed_file_count = 1, freed_bytes = 2 where state = $1',
      ['archived'],
    );
    await dataSource.query(
      `update raw_data_package set state = 'failed', reason = 'tried' where state = 'waiting'`,
    );
    await dataSource.query(
      `update physical_copy set verified_at = now() where state = 'present' and verified_at is not null`,
    );
    await dataSource.query(
      `update physical_copy set state = 'deletion_possible' where state = 'present' and path like 'package-%'`,
    );
    assert.deepEqual(await tallies(dataSource), await counts(dataSource));
    await dataSource.query('select package_tally_add_up(), copy_tally_add_up()');
    assert.deepEqual(await tallies(dataSource), await counts(dataSource));
    const kept = await dataSource.query<{ rows: string }[]>('select count(*) as rows from package_tally');
    assert.equal(Number(kept[0]?.rows), (await tallies(dataSource)).packages.length);
    await catalogue.addUpTallies();
  }));

function ninetyDays() {
  const before = new Date(Date.now() - 90 * 86_400_000).toISOString();
  return { before, askedBefore: new Date().toISOString(), limit: 50 };
}

interface Sums {
  packages: unknown[];
  copies: unknown[];
}

async function tallies(dataSource: DataSource): Promise<Sums> {
  return {
    packages: await dataSource.query(
      `select source_location_id, state, sum(packages)::float8 as packages, sum(files)::float8 as files, sum(bytes)::float8 as bytes,
         sum(payload_bytes)::float8 as payload, sum(made_files)::float8 as made, sum(freed_files)::float8 as freed, sum(freed_bytes)::float8 as freed_bytes
       from package_tally group by 1, 2 having sum(packages) <> 0 order by 1, 2`,
    ),
    copies: await dataSource.query(
      `select data_location_id, state, sum(copies)::float8 as copies, sum(bytes)::float8 as bytes
       from copy_tally group by 1, 2 having sum(copies) <> 0 order by 1, 2`,
    ),
  };
}

/** The same, counted. */
async function counts(dataSource: DataSource): Promise<Sums> {
  return {
    packages: await dataSource.query(
      `select source_location_id, state, count(*)::float8 as packages, sum(file_count)::float8 as files, coalesce(sum(bytes), 0)::float8 as bytes,
         sum(payload_bytes)::float8 as payload, coalesce(sum(file_count) filter (where packaged_at is not null), 0)::float8 as made,
         sum(freed_file_count)::float8 as freed, sum(freed_bytes)::float8 as freed_bytes from raw_data_package group by 1, 2 order by 1, 2`,
    ),
    copies: await dataSource.query(
      `select data_location_id, state, count(*)::float8 as copies, sum(bytes)::float8 as bytes from physical_copy group by 1, 2 order by 1, 2`,
    ),
  };
}

function schema(dataSource: DataSource): Promise<unknown[]> {
  return dataSource.query(
    `select indexrelid::regclass::text as name, pg_get_indexdef(indexrelid) as what from pg_index where indrelid::regclass::text !~ '^pg_'
     union all select conrelid::regclass::text || conname, pg_get_constraintdef(oid) from pg_constraint order by 1`,
  );
}

/** Rows that refer to others which are not there, by foreign key. */
async function orphans(dataSource: DataSource): Promise<string[]> {
  const keys = await dataSource.query<{ name: string; statement: string }[]>(
    `select conname as name, format('select count(*)::integer as lost from %s a where not exists (select from %s b where %s) and %s',
       conrelid::regclass, confrelid::regclass,
       string_agg(format('a.%I = b.%I', f.attname, t.attname), ' and '), string_agg(format('a.%I is not null', f.attname), ' and ')) as statement
     from pg_constraint c cross join unnest(conkey, confkey) as k (own, other)
     join pg_attribute f on f.attrelid = conrelid and f.attnum = k.own join pg_attribute t on t.attrelid = confrelid and t.attnum = k.other
     where contype = 'f' group by c.oid, conname, conrelid, confrelid`,
  );
  const found: string[] = [];
  for (const { name, statement } of keys) {
    const [lost] = await dataSource.query<{ lost: number }[]>(statement);
    if (lost!.lost > 0) found.push(`${name}: ${lost!.lost}`);
  }
  return found;
}
