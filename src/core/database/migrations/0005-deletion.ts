import type { MigrationInterface, QueryRunner } from 'typeorm';
import { PermanentError } from '../../exceptions.js';

const SHA256 = `~ '^[0-9a-f]{64}$'`;

const AUDIT_CHAIN = [
  `create table audit_seal (
    sequence bigint primary key check (sequence > 0),
    entry_id uuid not null unique references audit_entry,
    prev_hash text not null check (prev_hash ${SHA256}),
    hash text not null unique check (hash ${SHA256}),
    sealed_at timestamptz not null default now()
  )`,
  `create trigger refuse_changed_history before update or delete or truncate on audit_seal
    for each statement execute function refuse_changed_history()`,
  // What waits to be linked into the chain: entries are written by many transactions at once, and linked by one after the other.
  `create table audit_unsealed (entry_id uuid primary key references audit_entry)`,
  `create function await_seal() returns trigger language plpgsql as $$
    begin
      insert into audit_unsealed values (new.id);
      return new;
    end $$`,
  `create trigger await_seal after insert on audit_entry for each row execute function await_seal()`,
  `insert into audit_unsealed select id from audit_entry`,
];

const LOCATIONS = [
  // Null: the site. Copies in one failure domain may all be lost at once, and count as one.
  `alter table data_location add column failure_domain text check (failure_domain <> ''),
    add column marked_at timestamptz`,
];

const COPY_STATES = [
  `alter table physical_copy add column delete_after timestamptz`,
  `update physical_copy set delete_after = now() where state = 'deletion_scheduled'`,
  `alter table physical_copy add constraint scheduled_has_a_time
    check ((state = 'deletion_scheduled') = (delete_after is not null))`,
  `create table physical_copy_transition (
    from_state text not null,
    to_state text not null,
    primary key (from_state, to_state),
    check (from_state <> to_state)
  )`,
  `insert into physical_copy_transition (from_state, to_state) values
    ('present', 'staged'), ('present', 'deletion_possible'), ('present', 'deletion_scheduled'),
    ('staged', 'present'), ('staged', 'deletion_possible'), ('staged', 'deletion_scheduled'),
    ('deletion_possible', 'present'), ('deletion_possible', 'staged'), ('deletion_possible', 'deletion_scheduled'),
    ('deletion_scheduled', 'present'), ('deletion_scheduled', 'staged'), ('deletion_scheduled', 'deletion_in_progress'),
    ('deletion_in_progress', 'deleted'), ('deletion_in_progress', 'deletion_failed'),
    ('deletion_failed', 'deletion_scheduled'), ('deletion_failed', 'present'),
    ('deleted', 'present'), ('deleted', 'staged')`,
  `create function refuse_impossible_transition() returns trigger language plpgsql as $$
    begin
      if new.state = old.state then
        return new;
      end if;
      if not exists (select from physical_copy_transition where from_state = old.state and to_state = new.state) then
        raise exception 'a copy that is % can not become %', old.state, new.state using errcode = 'integrity_constraint_violation';
      end if;
      if old.state in ('deleted', 'deletion_failed') and new.state in ('present', 'staged')
        and (new.verified_at is null or new.verified_at < coalesce(old.deleted_at, old.verified_at, '-infinity')) then
        raise exception 'a copy comes back only when it was verified anew' using errcode = 'integrity_constraint_violation';
      end if;
      return new;
    end $$`,
  `create trigger refuse_impossible_transition before update of state on physical_copy
    for each row execute function refuse_impossible_transition()`,
  // The first promise, below all code: bytes go only while an archive has a verified copy of the same ones.
  `create function refuse_loss() returns trigger language plpgsql as $$
    begin
      perform from physical_copy c join data_location l on l.id = c.data_location_id
        where c.raw_data_package_id = new.raw_data_package_id and c.id <> new.id and l.location_type = 'long_term_archive'
          and c.state = 'present' and c.verified_at is not null and c.sha256 = new.sha256 and c.bytes = new.bytes
        for share of c;
      if not found then
        raise exception 'no archive has a verified copy of this package' using errcode = 'integrity_constraint_violation';
      end if;
      return new;
    end $$`,
  `create trigger refuse_loss before insert or update of state on physical_copy
    for each row when (new.state = 'deletion_in_progress') execute function refuse_loss()`,
];

const DELETION = [
  `create table archive_challenge (
    id uuid primary key,
    physical_copy_id uuid not null references physical_copy,
    at timestamptz not null default now(),
    method text not null check (method in ('identity', 'ranges', 'full')),
    ranges jsonb not null
  )`,
  `create index archive_challenge_latest on archive_challenge (physical_copy_id, at desc)`,
  `create trigger refuse_changed_history before update or delete or truncate on archive_challenge
    for each statement execute function refuse_changed_history()`,
  `create table deletion_hold (
    id uuid primary key,
    raw_data_package_id uuid references raw_data_package,
    executed_obs_unit_id uuid references executed_obs_unit,
    reason text not null check (reason <> ''),
    placed_by text not null check (placed_by <> ''),
    placed_at timestamptz not null default now(),
    released_by text check (released_by <> ''),
    released_at timestamptz,
    constraint held_is_one_thing check (num_nonnulls(raw_data_package_id, executed_obs_unit_id) = 1),
    constraint released_has_a_time check ((released_by is null) = (released_at is null))
  )`,
  `create unique index deletion_hold_package on deletion_hold (raw_data_package_id) where released_at is null`,
  `create unique index deletion_hold_unit on deletion_hold (executed_obs_unit_id) where released_at is null`,
  // What the planner must know of a package's deletion besides its copies.
  `create table package_deletion (
    raw_data_package_id uuid primary key references raw_data_package,
    source_delete_after timestamptz,
    not_before timestamptz,
    refusals integer not null default 0 check (refusals >= 0),
    refused_for text
  )`,
];

/** The hash chain of the audit log, the states of copies held by the database, and what deletion needs to give evidence. */
export class Deletion0000000000005 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [...AUDIT_CHAIN, ...LOCATIONS, ...COPY_STATES, ...DELETION])
      await runner.query(statement);
  }

  down(): Promise<void> {
    return Promise.reject(
      new PermanentError('the catalogue is never migrated backwards', { advice: 'restore a backup' }),
    );
  }
}
