import type { MigrationInterface, QueryRunner } from 'typeorm';
import { PermanentError } from '../../exceptions.js';

/** Indexes of what waits, of what happened lately and of what people name: none of their looks grows with what is over. */
const STATEMENTS = [
  `create index executed_obs_unit_by_name on executed_obs_unit (name)`,
  `create index executed_obs_unit_latest on executed_obs_unit (source_location_id, id)`,
  `create index executed_obs_unit_by_status on executed_obs_unit (status, id)`,
  `create index raw_data_package_latest on raw_data_package (created_at, id)`,
  `create index raw_data_package_of_source on raw_data_package (source_location_id, id)`,
  `create index raw_data_package_under_way on raw_data_package (source_location_id, created_at)
     where state in ('creating', 'waiting', 'transferring', 'arrived')`,
  `create index raw_data_package_at_source on raw_data_package (source_location_id, id) where source_freed_at is null`,
  `create index data_transfer_over on data_transfer (origin_location_id, completed_at) where completed_at is not null`,
  // Of a place that may be left, what is still there, page by page.
  `drop index physical_copy_by_location`,
  `create index physical_copy_by_location on physical_copy (data_location_id, raw_data_package_id) where state <> 'deleted'`,
  `create index physical_copy_gone on physical_copy (data_location_id, deleted_at) where state = 'deleted'`,
  `create index package_deletion_spent on package_deletion (source_scheduled_at) where source_scheduled_at is not null`,
  `create index archive_audit_unanswered on archive_audit (physical_copy_id) where failure is not null`,
];

/** What the planners and the commands look for in a catalogue of ten million files. */
export class PlanningAtScale0000000000026 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  down(): Promise<void> {
    return Promise.reject(
      new PermanentError('the catalogue is never migrated backwards', { advice: 'restore a backup' }),
    );
  }
}
