import type { MigrationInterface, QueryRunner } from 'typeorm';
import { PermanentError } from '../../exceptions.js';

const STATEMENTS = [
  'drop index deletion_hold_package',
  `create unique index deletion_hold_package on deletion_hold (raw_data_package_id, (placed_by = 'audit')) where released_at is null`,
];

/** An audit's hold on a package and an operator's lie beside each other: the end of one leaves the other. */
export class HoldsOfAudits0000000000035 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  down(): Promise<void> {
    return Promise.reject(
      new PermanentError('the catalogue is never migrated backwards', { advice: 'restore a backup' }),
    );
  }
}
