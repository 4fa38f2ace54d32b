import type { MigrationInterface, QueryRunner } from 'typeorm';
import { PermanentError } from '../../exceptions.js';

/** The planner's run that was told last of a package of which something is due; it alone may be told again before `not_before`. */
const STATEMENTS = [`alter table package_deletion add column handed_to text`];

/** A planner whose answer got lost with its worker is told once more what to begin. */
export class HandedOn0000000000033 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  down(): Promise<void> {
    return Promise.reject(
      new PermanentError('the catalogue is never migrated backwards', { advice: 'restore a backup' }),
    );
  }
}
