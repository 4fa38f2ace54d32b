import type { MigrationInterface, QueryRunner } from 'typeorm';
import { PermanentError } from '../../exceptions.js';

const SHA256 = `~ '^[0-9a-f]{64}$'`;

const STATEMENTS = [
  // What a store was found to do; kept for as long as the store is the same one.
  `create table store_capability (
    data_location_id uuid primary key references data_location,
    store text not null,
    capabilities jsonb not null,
    probed_at timestamptz not null default now(),
    contradiction text,
    contradicted_at timestamptz,
    constraint contradicted_has_a_time check ((contradiction is null) = (contradicted_at is null))
  )`,
  // A copy that is gone or is not what it was. It counts for nothing until it was repaired and read back.
  `alter table physical_copy drop constraint physical_copy_state_check,
    add constraint physical_copy_state_check check (state in ('present', 'staged', 'deletion_scheduled', 'deletion_in_progress',
      'deletion_possible', 'deleted', 'deletion_failed', 'damaged')),
    add constraint damaged_is_not_verified check (state <> 'damaged' or verified_at is null)`,
  `insert into physical_copy_transition (from_state, to_state) values ('present', 'damaged'), ('damaged', 'present')`,
  `create table archive_damage (
    id uuid primary key,
    physical_copy_id uuid not null references physical_copy,
    kind text not null check (kind in ('missing', 'size', 'digest')),
    path text not null check (path <> ''),
    found_at timestamptz not null,
    found_bytes bigint check (found_bytes >= 0),
    found_sha256 text check (found_sha256 ${SHA256}),
    last_verified_at timestamptz,
    repair_path text not null check (repair_path <> ''),
    repaired_at timestamptz,
    repaired_from uuid references physical_copy,
    constraint repaired_has_a_source check ((repaired_at is null) = (repaired_from is null))
  )`,
  `create unique index archive_damage_open on archive_damage (physical_copy_id) where repaired_at is null`,
  `create index archive_damage_by_copy on archive_damage (physical_copy_id, found_at)`,
  // A repaired copy was read back after its damage was found.
  `create function refuse_unproven_repair() returns trigger language plpgsql as $$
    begin
      if new.verified_at is null or exists (
        select from archive_damage where physical_copy_id = new.id and (repaired_at is null or found_at > new.verified_at))
      then
        raise exception 'a damaged copy counts again only when it was repaired and read back' using errcode = 'integrity_constraint_violation';
      end if;
      return new;
    end $$`,
  `create trigger refuse_unproven_repair before update of state on physical_copy
    for each row when (old.state = 'damaged' and new.state <> 'damaged') execute function refuse_unproven_repair()`,
  // When a copy was last asked for, with whatever outcome: one that can't be read must not keep the others from their turn.
  `create table archive_audit (
    physical_copy_id uuid primary key references physical_copy,
    asked_at timestamptz not null,
    failure text
  )`,
];

/** Copies that are read again on a schedule, the damage that is found, and what each store can do. */
export class Audit0000000000009 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  down(): Promise<void> {
    return Promise.reject(
      new PermanentError('the catalogue is never migrated backwards', { advice: 'restore a backup' }),
    );
  }
}
