import type { MigrationInterface, QueryRunner } from 'typeorm';
import { PermanentError } from '../../exceptions.js';

/** Finds what was packaged from below a folder: its paths stand together. An index takes no path of any length, so their beginnings. */
export class EmptiedFolders0000000000014 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      `create index raw_data_file_packaged_below on raw_data_file (source_location_id, (left(path, 256) collate "C"))
         where raw_data_package_id is not null`,
    );
  }

  down(): Promise<void> {
    return Promise.reject(
      new PermanentError('the catalogue is never migrated backwards', { advice: 'restore a backup' }),
    );
  }
}
