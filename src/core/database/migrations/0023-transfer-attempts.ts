import type { MigrationInterface, QueryRunner } from 'typeorm';
import { PermanentError } from '../../exceptions.js';

/** Nothing wrote rows here before. */
const ATTEMPTS = `alter table data_transfer_log
  add attempt integer not null check (attempt > 0),
  add started_at timestamptz not null,
  add ended_at timestamptz check (ended_at >= started_at),
  add outcome text not null check (outcome in ('completed', 'failed', 'cancelled', 'interrupted')),
  add bytes_moved bigint not null check (bytes_moved >= 0),
  add error_class text,
  add message text check (length(message) <= 2000),
  add constraint interrupted_has_no_end check ((outcome = 'interrupted') = (ended_at is null)),
  add constraint failure_has_a_class check ((outcome = 'failed') = (error_class is not null))`;

const PLANNING = [
  // Where copies are in which state goes together: without this, the server takes a buffer for full of copies that are long gone.
  `create statistics physical_copy_by_place_and_state (mcv) on data_location_id, state from physical_copy`,
  // Which copies of an archive are to be read again.
  `create index physical_copy_to_audit on physical_copy (data_location_id, verified_at) where state = 'present'`,
  `create index physical_copy_doubted on physical_copy (data_location_id) where doubted_at is not null`,
];

/** How each attempt of a transfer went, beside where its log lies; what planners' queries need. */
export class TransferAttempts0000000000023 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(ATTEMPTS);
    await runner.query('create index data_transfer_log_by_start on data_transfer_log (started_at desc)');
    for (const statement of PLANNING) await runner.query(statement);
  }

  down(): Promise<void> {
    return Promise.reject(
      new PermanentError('the catalogue is never migrated backwards', { advice: 'restore a backup' }),
    );
  }
}
