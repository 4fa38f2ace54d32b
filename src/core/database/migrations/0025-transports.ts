import type { MigrationInterface, QueryRunner } from 'typeorm';
import { PermanentError } from '../../exceptions.js';

const STATEMENTS = [
  'alter table data_transfer_route drop constraint data_transfer_route_transport_check',
  `alter table data_transfer_route add constraint data_transfer_route_transport_check
    check (transport in ('local', 'sftp', 'stream', 'bbcp'))`,
];

/** Routes may be of the transports stream and bbcp. */
export class Transports0000000000025 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  down(): Promise<void> {
    return Promise.reject(
      new PermanentError('the catalogue is never migrated backwards', { advice: 'restore a backup' }),
    );
  }
}
