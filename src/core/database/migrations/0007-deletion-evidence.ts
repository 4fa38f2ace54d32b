import type { MigrationInterface, QueryRunner } from 'typeorm';
import { PermanentError } from '../../exceptions.js';

const STATEMENTS = [
  // A copy that failed a challenge counts for nothing until it was read back in full.
  `alter table physical_copy add column doubted_at timestamptz, add column doubt text check (doubt <> ''),
    add column scheduled_at timestamptz,
    add constraint doubt_has_a_time check ((doubted_at is null) = (doubt is null))`,
  `update physical_copy set scheduled_at = now() where state in ('deletion_scheduled', 'deletion_in_progress', 'deletion_failed')`,
  `create index physical_copy_spent on physical_copy (data_location_id, scheduled_at) where scheduled_at is not null`,
  `alter table package_deletion add column source_scheduled_at timestamptz, add column source_begun_at timestamptz`,
  `create index package_deletion_later on package_deletion (not_before)`,
  `create or replace function refuse_loss() returns trigger language plpgsql as $$
    begin
      perform from physical_copy c join data_location l on l.id = c.data_location_id
        where c.raw_data_package_id = new.raw_data_package_id and c.id <> new.id and l.location_type = 'long_term_archive'
          and c.state = 'present' and c.verified_at is not null and c.doubted_at is null and c.sha256 = new.sha256 and c.bytes = new.bytes
        for share of c;
      if not found then
        raise exception 'no archive has a verified copy of this package' using errcode = 'integrity_constraint_violation';
      end if;
      return new;
    end $$`,
  `create function refuse_held(package_id uuid) returns void language plpgsql as $$
    begin
      perform from deletion_hold h join raw_data_package p on p.id = h.raw_data_package_id or p.executed_obs_unit_id = h.executed_obs_unit_id
        where p.id = package_id and h.released_at is null;
      if found then
        raise exception 'an operator holds this package' using errcode = 'integrity_constraint_violation';
      end if;
    end $$`,
  // What was staged comes from an archive and goes back to nothing: a hold does not keep it.
  `create function refuse_held_copy() returns trigger language plpgsql as $$
    begin
      if exists (select from data_location where id = new.data_location_id and location_type <> 'processing') then
        perform refuse_held(new.raw_data_package_id);
      end if;
      return new;
    end $$`,
  `create trigger refuse_held_copy before insert or update of state on physical_copy
    for each row when (new.state = 'deletion_in_progress') execute function refuse_held_copy()`,
  // The files at a source have no copy's row: the same promise for them.
  `create function refuse_loss_at_source() returns trigger language plpgsql as $$
    begin
      perform refuse_held(new.raw_data_package_id);
      perform from raw_data_package p join data_location l on l.id = p.source_location_id
        where p.id = new.raw_data_package_id and l.deletable;
      if not found then
        raise exception 'files at this source must not be deleted' using errcode = 'integrity_constraint_violation';
      end if;
      perform from raw_data_package p join physical_copy c on c.raw_data_package_id = p.id
        join data_location l on l.id = c.data_location_id and l.location_type = 'long_term_archive'
        where p.id = new.raw_data_package_id and c.state = 'present' and c.verified_at is not null and c.doubted_at is null
          and c.sha256 = p.sha256 and c.bytes = p.bytes
        for share of c;
      if not found then
        raise exception 'no archive has a verified copy of this package' using errcode = 'integrity_constraint_violation';
      end if;
      return new;
    end $$`,
  `create trigger refuse_loss_at_source before insert or update of source_begun_at on package_deletion
    for each row when (new.source_begun_at is not null) execute function refuse_loss_at_source()`,
];

/** What keeps a deletion to its evidence: doubts, schedules and budgets, holds below all code, and the files at a source. */
export class DeletionEvidence0000000000007 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  down(): Promise<void> {
    return Promise.reject(
      new PermanentError('the catalogue is never migrated backwards', { advice: 'restore a backup' }),
    );
  }
}
