import type { MigrationInterface, QueryRunner } from 'typeorm';
import { PermanentError } from '../../exceptions.js';

const STATEMENTS = [
  `create table staging_job (
    id uuid primary key,
    data_location_id uuid not null references data_location,
    workflow_id text not null check (workflow_id <> ''),
    requested_by text not null check (requested_by <> ''),
    reason text,
    wanted jsonb not null,
    priority integer not null check (priority between 1 and 5),
    state text not null check (state in ('requested', 'active', 'ready', 'released', 'expired', 'failed')),
    keep_seconds integer not null check (keep_seconds > 0),
    created_at timestamptz not null default now(),
    ready_at timestamptz,
    expires_at timestamptz not null,
    ended_at timestamptz,
    ended_why text,
    constraint ready_has_a_time check (state <> 'ready' or ready_at is not null),
    constraint ended_has_a_time check ((state in ('released', 'expired', 'failed')) = (ended_at is not null)),
    constraint ended_has_a_reason check (ended_at is null or ended_why is not null)
  )`,
  `create index staging_job_open on staging_job (data_location_id) where ended_at is null`,
  `create index staging_job_latest on staging_job (created_at)`,
  `create table staging_job_item (
    staging_job_id uuid not null references staging_job,
    raw_data_package_id uuid not null references raw_data_package,
    patterns text[],
    files integer not null check (files >= 0),
    bytes bigint not null check (bytes >= 0),
    status text not null check (status in ('pending', 'staged', 'failed')),
    archive_location_id uuid references data_location,
    staged_at timestamptz,
    reason text,
    primary key (staging_job_id, raw_data_package_id),
    constraint staged_has_a_time check ((status = 'staged') = (staged_at is not null)),
    constraint failed_has_a_reason check (status <> 'failed' or reason is not null)
  )`,
  `create index staging_job_item_by_package on staging_job_item (raw_data_package_id)`,
  // What lies unpacked at a processing location, also while it is being filled or cleaned; physical_copy tells of it once it is staged.
  `create table staged_copy (
    data_location_id uuid not null references data_location,
    raw_data_package_id uuid not null references raw_data_package,
    complete boolean not null default false,
    needed_at timestamptz not null default now(),
    cleaning_since timestamptz,
    primary key (data_location_id, raw_data_package_id)
  )`,
  // Which files of an incomplete copy are there. A complete one has all that its package has, and no rows here.
  `create table staged_file (
    data_location_id uuid not null,
    raw_data_package_id uuid not null,
    raw_data_file_id uuid not null references raw_data_file,
    primary key (data_location_id, raw_data_package_id, raw_data_file_id),
    foreign key (data_location_id, raw_data_package_id) references staged_copy on delete cascade
  )`,
  // Below all code: what an open job needs is not deleted, and nothing is filled while it is being cleaned.
  `create function refuse_cleaning_of_needed_copy() returns trigger language plpgsql as $$
    begin
      if exists (select from staging_job_item i join staging_job j on j.id = i.staging_job_id
        where i.raw_data_package_id = new.raw_data_package_id and j.data_location_id = new.data_location_id and j.ended_at is null)
      then
        raise exception 'an open staging job needs this copy' using errcode = 'integrity_constraint_violation';
      end if;
      return new;
    end $$`,
  `create trigger refuse_cleaning_of_needed_copy before update of cleaning_since on staged_copy
    for each row when (old.cleaning_since is null and new.cleaning_since is not null) execute function refuse_cleaning_of_needed_copy()`,
  `create trigger refuse_deletion_of_needed_copy before insert or update of state on physical_copy
    for each row when (new.state = 'deletion_in_progress') execute function refuse_cleaning_of_needed_copy()`,
];

/** Staging: who asked for what, and what lies at the processing locations because of it. */
export class Staging0000000000008 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  down(): Promise<void> {
    return Promise.reject(
      new PermanentError('the catalogue is never migrated backwards', { advice: 'restore a backup' }),
    );
  }
}
