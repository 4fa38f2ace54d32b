import type { MigrationInterface, QueryRunner } from 'typeorm';
import { PermanentError } from '../../exceptions.js';

/** What is summed up of packages, and how it is read from a row of them. */
const OF_PACKAGES = {
  packages: '1',
  files: 'file_count',
  payload_bytes: 'payload_bytes',
  bytes: 'coalesce(bytes, 0)',
  made_files: 'case when packaged_at is null then 0 else file_count end',
  made_bytes: 'case when packaged_at is null then 0 else payload_bytes end',
  freed_files: 'freed_file_count',
  freed_bytes: 'freed_bytes',
};

const OF_COPIES = { copies: '1', bytes: 'bytes' };

/**
 * Sums that follow a table. Each statement that changes the table adds what it changed as rows of its own, so that no two transactions
 * wait for one row; now and then the rows of a group are added up into one. The sum of the rows is the tally at every moment.
 */
function tally(table: string, place: string, sums: Record<string, string>): string[] {
  const name = table === 'raw_data_package' ? 'package_tally' : 'copy_tally';
  const columns = Object.keys(sums);
  const of = (sign: string, rows: string) =>
    `select ${place}, state, ${columns.map((column) => `${sign}(${sums[column] ?? ''}) as ${column}`).join(', ')} from ${rows}`;
  const add = (what: string) =>
    `insert into ${name} select ${place}, state, ${columns.map((column) => `sum(${column})`).join(', ')} from (${what}) changed
       group by ${place}, state having ${columns.map((column) => `sum(${column}) <> 0`).join(' or ')}`;
  const follow = (event: 'insert' | 'update' | 'delete', referencing: string, what: string) => [
    `create function ${name}_${event}() returns trigger language plpgsql as $$
       begin
         ${add(what)};
         return null;
       end $$`,
    `create trigger ${name}_${event} after ${event} on ${table} referencing ${referencing}
       for each statement execute function ${name}_${event}()`,
  ];
  return [
    `create table ${name} (${place} uuid not null, state text not null, ${columns.map((column) => `${column} bigint not null`).join(', ')})`,
    `create index ${name}_by_place on ${name} (${place}, state)`,
    ...follow('insert', 'new table as after', of('', 'after')),
    ...follow(
      'update',
      'old table as before new table as after',
      `${of('', 'after')} union all ${of('-', 'before')}`,
    ),
    ...follow('delete', 'old table as before', of('-', 'before')),
    // One statement each, so that what others write meanwhile is counted once.
    `create function ${name}_add_up() returns void language sql as $$
       with gone as (delete from ${name} returning *) ${add('select * from gone')} $$`,
    `create function ${name}_count_anew() returns void language sql as $$
       with gone as (delete from ${name}) ${add(of('', table))} $$`,
    `select ${name}_count_anew()`,
  ];
}

/** How many packages and copies are in which state where, without counting them. */
export class Tallies0000000000027 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const statements = [
      ...tally('raw_data_package', 'source_location_id', OF_PACKAGES),
      ...tally('physical_copy', 'data_location_id', OF_COPIES),
    ];
    for (const statement of statements) await runner.query(statement);
  }

  down(): Promise<void> {
    return Promise.reject(
      new PermanentError('the catalogue is never migrated backwards', { advice: 'restore a backup' }),
    );
  }
}
