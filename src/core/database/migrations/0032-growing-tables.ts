import type { MigrationInterface, QueryRunner } from 'typeorm';
import { PermanentError } from '../../exceptions.js';

/** The transfers of a bundle and the job of a workflow, in tables that grow slowly, but grow. */
const STATEMENTS = [
  `create index data_transfer_of_package on data_transfer (data_transfer_package_id)`,
  `create index staging_job_by_workflow on staging_job (workflow_id)`,
];

/** What was looked up in tables that are read whole as long as they are small. */
export class GrowingTables0000000000032 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  down(): Promise<void> {
    return Promise.reject(
      new PermanentError('the catalogue is never migrated backwards', { advice: 'restore a backup' }),
    );
  }
}
