import type { MigrationInterface, QueryRunner } from 'typeorm';
import { PermanentError } from '../../exceptions.js';

/**
 * The locks of a look before a deletion, in the order in which all take them: a package's observation, itself, its copies, their places. A function that
 * is `volatile` looks anew before each of its statements, as a transaction does that sends them one by one: copies that came while it waited for
 * the package are locked too.
 */
const STATEMENTS = [
  `create function lock_for_deletion(package uuid) returns void language plpgsql volatile as $$
   begin
     perform from executed_obs_unit where id = (select executed_obs_unit_id from raw_data_package where id = package) for share;
     perform from raw_data_package where id = package for update;
     perform from physical_copy where raw_data_package_id = package order by id for update;
     perform from data_location where id in (select data_location_id from physical_copy where raw_data_package_id = package) order by id for share;
   end $$`,
];

/** What a deletion locks before each of its looks is locked by one way to the catalogue and back. */
export class LockForDeletion0000000000034 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  down(): Promise<void> {
    return Promise.reject(
      new PermanentError('the catalogue is never migrated backwards', { advice: 'restore a backup' }),
    );
  }
}
