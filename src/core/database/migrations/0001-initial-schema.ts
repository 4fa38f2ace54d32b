import type { MigrationInterface, QueryRunner } from 'typeorm';
import { PermanentError } from '../../exceptions.js';

const SHA256 = `~ '^[0-9a-f]{64}$'`;
const SLUG = `~ '^[a-z0-9]([a-z0-9_-]{0,46}[a-z0-9])?$'`;

const TOPOLOGY = [
  `create table site (
    id uuid primary key,
    short_name text not null unique check (short_name ${SLUG}),
    name text not null
  )`,
  `create table data_location (
    id uuid primary key,
    site_id uuid not null references site,
    name text not null check (name ${SLUG}),
    location_type text not null check (location_type in ('source', 'buffer', 'long_term_archive', 'processing')),
    storage_type text not null check (storage_type in ('disk', 's3', 'tape')),
    priority integer not null,
    active boolean not null,
    path text,
    bucket text,
    endpoint text,
    deletable boolean not null,
    unique (site_id, name),
    constraint disk_has_a_path check (storage_type <> 'disk' or (path is not null and path like '/%')),
    constraint s3_has_a_bucket check (storage_type <> 's3' or (bucket is not null and bucket <> '')),
    constraint archive_keeps_everything check (location_type <> 'long_term_archive' or not deletable)
  )`,
  `create table data_transfer_route (
    id uuid primary key,
    name text not null unique,
    origin_site_id uuid not null references site,
    destination_site_id uuid not null references site,
    route_type text not null check (route_type in ('direct', 'relay', 'custom')),
    transport text not null check (transport in ('local', 'sftp')),
    priority integer not null,
    active boolean not null,
    options jsonb not null,
    check (origin_site_id <> destination_site_id)
  )`,
];

const FILES_AND_PACKAGES = [
  `create table instrument_module (
    id uuid primary key,
    name text not null unique
  )`,
  `create table executed_obs_unit (
    id uuid primary key,
    source_location_id uuid not null references data_location,
    name text not null check (name <> ''),
    unique (source_location_id, name)
  )`,
  `create table data_transfer_package (
    id uuid primary key,
    name text not null unique,
    package_count integer not null check (package_count > 0),
    bytes bigint not null check (bytes >= 0),
    created_at timestamptz not null
  )`,
  `create table raw_data_package (
    id uuid primary key,
    name text not null unique check (name ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,119}$'),
    source_location_id uuid not null references data_location,
    buffer_location_id uuid not null references data_location,
    executed_obs_unit_id uuid not null references executed_obs_unit,
    instrument_module_id uuid not null references instrument_module,
    part integer not null check (part > 0),
    state text not null check (state in ('creating', 'waiting', 'transferring', 'arrived', 'archived', 'failed')),
    reason text,
    file_count integer not null check (file_count >= 0),
    payload_bytes bigint not null check (payload_bytes >= 0),
    bytes bigint check (bytes >= 0),
    sha256 text check (sha256 ${SHA256}),
    data_transfer_package_id uuid references data_transfer_package,
    freed_file_count integer not null default 0 check (freed_file_count between 0 and file_count),
    freed_bytes bigint not null default 0 check (freed_bytes between 0 and payload_bytes),
    source_freed_at timestamptz,
    created_at timestamptz not null,
    packaged_at timestamptz,
    arrived_at timestamptz,
    archived_at timestamptz,
    unique (executed_obs_unit_id, instrument_module_id, part),
    constraint made_has_a_digest check (state in ('creating', 'failed') or (bytes is not null and sha256 is not null and packaged_at is not null)),
    constraint sent_has_a_bundle check (state <> 'transferring' or data_transfer_package_id is not null),
    constraint archived_has_a_time check ((state = 'archived') <= (archived_at is not null)),
    constraint failed_has_a_reason check (state <> 'failed' or reason is not null),
    constraint freed_only_when_archived check (archived_at is not null or (freed_file_count = 0 and source_freed_at is null))
  )`,
  `create index raw_data_package_by_source on raw_data_package (source_location_id, state)`,
  `create index raw_data_package_to_send on raw_data_package (buffer_location_id, created_at) where state = 'waiting'`,
  `create index raw_data_package_by_bundle on raw_data_package (data_transfer_package_id)`,
  `create index raw_data_package_to_free on raw_data_package (source_location_id) where state = 'archived' and source_freed_at is null`,
  `create table raw_data_file (
    id uuid primary key,
    source_location_id uuid not null references data_location,
    executed_obs_unit_id uuid not null references executed_obs_unit,
    instrument_module_id uuid not null references instrument_module,
    path text not null check (path <> ''),
    path_hash text not null check (path_hash ~ '^[0-9a-f]{32}$'),
    kind text not null check (kind in ('file', 'symlink', 'directory')),
    size bigint not null check (size >= 0),
    mtime_ns bigint not null,
    ctime_ns bigint not null,
    state text not null check (state in ('registered', 'packaged', 'refused', 'deleted')),
    quiet boolean not null,
    seen_at timestamptz not null,
    raw_data_package_id uuid references raw_data_package,
    sha256 text check (sha256 ${SHA256}),
    refusal_reason text,
    kept_reason text,
    deleted_at timestamptz,
    unique (source_location_id, path_hash, kind, size, mtime_ns),
    constraint packaged_has_a_package check (state not in ('packaged', 'deleted') or raw_data_package_id is not null),
    constraint packaged_has_a_digest check (state not in ('packaged', 'deleted') or kind <> 'file' or sha256 is not null),
    constraint refused_has_a_reason check (state <> 'refused' or (raw_data_package_id is null and refusal_reason is not null)),
    constraint deleted_has_a_time check ((state = 'deleted') = (deleted_at is not null))
  )`,
  // Of one path, at most one version waits to be packaged.
  `create unique index raw_data_file_unpackaged on raw_data_file (source_location_id, path_hash) where raw_data_package_id is null`,
  `create index raw_data_file_to_package on raw_data_file (source_location_id, executed_obs_unit_id, instrument_module_id)
    where state = 'registered' and raw_data_package_id is null`,
  `create index raw_data_file_unfinished on raw_data_file (source_location_id, state) where state in ('registered', 'refused')`,
  `create index raw_data_file_by_package on raw_data_file (raw_data_package_id) where raw_data_package_id is not null`,
];

const JOURNEYS_AND_COPIES = [
  `create table data_transfer (
    id uuid primary key,
    data_transfer_package_id uuid not null references data_transfer_package,
    route_id uuid not null references data_transfer_route,
    origin_location_id uuid not null references data_location,
    destination_location_id uuid not null references data_location,
    status text not null check (status in ('pending', 'in_progress', 'completed', 'failed')),
    unpack_status text not null check (unpack_status in ('pending', 'in_progress', 'completed', 'failed')),
    created_at timestamptz not null,
    completed_at timestamptz,
    check (origin_location_id <> destination_location_id),
    constraint over_has_a_time check ((status in ('completed', 'failed')) = (completed_at is not null))
  )`,
  `create unique index data_transfer_open on data_transfer (data_transfer_package_id, destination_location_id) where completed_at is null`,
  `create index data_transfer_by_origin on data_transfer (origin_location_id, created_at) where completed_at is null`,
  `create table long_term_archive_transfer (
    id uuid primary key,
    raw_data_package_id uuid not null references raw_data_package,
    archive_location_id uuid not null references data_location,
    status text not null check (status in ('pending', 'in_progress', 'completed', 'failed')),
    created_at timestamptz not null,
    completed_at timestamptz,
    unique (raw_data_package_id, archive_location_id),
    check ((status in ('completed', 'failed')) = (completed_at is not null))
  )`,
  `create table physical_copy (
    id uuid primary key,
    raw_data_package_id uuid not null references raw_data_package,
    data_location_id uuid not null references data_location,
    state text not null check (state in ('present', 'staged', 'deletion_scheduled', 'deletion_in_progress',
      'deletion_possible', 'deleted', 'deletion_failed')),
    path text not null check (path <> ''),
    bytes bigint not null check (bytes >= 0),
    sha256 text not null check (sha256 ${SHA256}),
    verified_at timestamptz,
    version_id text,
    etag text,
    created_at timestamptz not null,
    deleted_at timestamptz,
    unique (raw_data_package_id, data_location_id),
    check ((state = 'deleted') = (deleted_at is not null))
  )`,
  `create index physical_copy_by_location on physical_copy (data_location_id) where state <> 'deleted'`,
  // The promise, once more and below all code: where nothing may be deleted, no copy can be marked so.
  `create function refuse_forbidden_deletion() returns trigger language plpgsql as $$
    begin
      if new.state in ('deletion_in_progress', 'deleted')
        and not exists (select from data_location where id = new.data_location_id and deletable and location_type <> 'long_term_archive')
      then
        raise exception 'copies at this location must not be deleted' using errcode = 'integrity_constraint_violation';
      end if;
      return new;
    end $$`,
  `create trigger refuse_forbidden_deletion before insert or update of state on physical_copy
    for each row execute function refuse_forbidden_deletion()`,
];

const RECORDS_FOR_PEOPLE = [
  `create table problem (
    id uuid primary key,
    error_class text not null,
    operation text not null,
    subject text not null,
    subject_hash text not null,
    message text not null,
    advice text,
    workflow_id text,
    source_location_id uuid references data_location,
    first_at timestamptz not null,
    last_at timestamptz not null,
    count integer not null check (count > 0),
    resolved_at timestamptz
  )`,
  `create unique index problem_open on problem (error_class, operation, subject_hash) where resolved_at is null`,
  `create index problem_open_by_workflow on problem (workflow_id) where resolved_at is null`,
  `create table audit_entry (
    id uuid primary key,
    at timestamptz not null default now(),
    action text not null,
    subject_type text not null,
    subject_id uuid not null,
    facts jsonb not null
  )`,
  `create index audit_entry_by_subject on audit_entry (subject_id)`,
  `create function refuse_changed_history() returns trigger language plpgsql as $$
    begin
      raise exception 'audit entries are never changed' using errcode = 'integrity_constraint_violation';
    end $$`,
  `create trigger refuse_changed_history before update or delete or truncate on audit_entry
    for each statement execute function refuse_changed_history()`,
];

/** The tables of the way of a file: from the source over the buffers into the archive. */
export class InitialSchema0000000000001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [
      ...TOPOLOGY,
      ...FILES_AND_PACKAGES,
      ...JOURNEYS_AND_COPIES,
      ...RECORDS_FOR_PEOPLE,
    ]) {
      await runner.query(statement);
    }
  }

  down(): Promise<void> {
    return Promise.reject(
      new PermanentError('the catalogue is never migrated backwards', { advice: 'restore a backup' }),
    );
  }
}
