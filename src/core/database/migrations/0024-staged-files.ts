import type { MigrationInterface, QueryRunner } from 'typeorm';
import { PermanentError } from '../../exceptions.js';

const VIEW = `create or replace view raw_data_file_physical_copy as
  select f.id as raw_data_file_id, f.raw_data_package_id, f.source_location_id as data_location_id,
    case when f.state = 'deleted' then 'deleted'
      when f.state = 'packaged' and f.kept_reason is null and d.source_delete_after is not null then 'deletion_scheduled'
      else 'present' end as state,
    f.path, f.size as bytes, f.sha256, f.deleted_at
  from raw_data_file f left join package_deletion d on d.raw_data_package_id = f.raw_data_package_id
  union all
  select f.id, f.raw_data_package_id, c.data_location_id, case c.state when 'staged' then 'present' else c.state end,
    f.path, f.size, f.sha256, c.deleted_at
  from physical_copy c
  join staged_copy s on s.data_location_id = c.data_location_id and s.raw_data_package_id = c.raw_data_package_id
  join raw_data_file f on f.raw_data_package_id = c.raw_data_package_id
  where c.state <> 'deleted' and (s.complete or exists (
    select from staged_file t where t.data_location_id = s.data_location_id and t.raw_data_package_id = s.raw_data_package_id
      and t.raw_data_file_id = f.id))`;

/** A package of which only some files were staged is a copy of those alone; what was taken away again is none of any. */
export class StagedFiles0000000000024 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(VIEW);
  }

  down(): Promise<void> {
    return Promise.reject(
      new PermanentError('the catalogue is never migrated backwards', { advice: 'restore a backup' }),
    );
  }
}
