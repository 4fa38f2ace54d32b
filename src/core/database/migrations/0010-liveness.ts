import type { MigrationInterface, QueryRunner } from 'typeorm';
import { PermanentError } from '../../exceptions.js';

const MONITORING = [
  `create table location_measurement (
    data_location_id uuid primary key references data_location,
    measured_at timestamptz not null,
    condition text not null check (condition in ('usable', 'missing', 'unwritable', 'silent')),
    reason text,
    total_bytes bigint not null check (total_bytes >= 0),
    free_bytes bigint not null check (free_bytes >= 0),
    total_inodes bigint not null check (total_inodes >= 0),
    free_inodes bigint not null check (free_inodes >= 0),
    level text not null check (level in ('ok', 'warn', 'high', 'critical')),
    level_since timestamptz not null,
    bytes_per_second double precision,
    constraint unusable_has_a_reason check ((condition = 'usable') = (reason is null))
  )`,
  // Bounded: each measurement removes what is older than the rate needs.
  `create table location_fill (
    data_location_id uuid not null references data_location,
    measured_at timestamptz not null,
    used_bytes bigint not null,
    primary key (data_location_id, measured_at)
  )`,
  `create table planner_verdict (
    planner_id text primary key,
    planned integer not null check (planned >= 0),
    reasons jsonb not null check (jsonb_typeof(reasons) = 'array'),
    since timestamptz,
    told_at timestamptz not null,
    constraint waiting_has_a_time check ((jsonb_array_length(reasons) > 0) = (since is not null))
  )`,
];

const BREAKERS = [
  `create table breaker (
    name text primary key,
    kind text not null check (kind in ('route', 'store')),
    state text not null check (state in ('closed', 'open', 'half_open')),
    failures integer not null check (failures >= 0),
    openings integer not null check (openings >= 0),
    opened_at timestamptz,
    next_probe_at timestamptz,
    error_class text,
    error_message text,
    failed_at timestamptz,
    changed_at timestamptz not null default now(),
    constraint closed_is_not_open check ((state = 'closed') = (opened_at is null)),
    constraint open_is_probed_some_time check ((state = 'closed') = (next_probe_at is null)),
    constraint open_has_failed check (state = 'closed' or (failures > 0 and openings > 0 and failed_at is not null)),
    constraint failure_is_whole check (num_nonnulls(error_class, error_message, failed_at) in (0, 3))
  )`,
];

const TRANSFERS = [
  // How fast a route is: what went over the line in the attempt that ended it.
  `alter table data_transfer
    add column bytes_sent bigint check (bytes_sent >= 0),
    add column send_seconds double precision check (send_seconds >= 0),
    add constraint sent_in_some_time check ((bytes_sent is null) = (send_seconds is null))`,
  // What was taken over by another transfer, over another route or into another buffer.
  `alter table data_transfer_item drop constraint data_transfer_item_status_check,
    add constraint data_transfer_item_status_check check (status in ('pending', 'arrived', 'left', 'failed', 'rerouted')),
    drop constraint given_up_has_a_reason,
    add constraint given_up_has_a_reason check (status not in ('left', 'failed', 'rerouted') or reason is not null)`,
  `create index raw_data_package_creating on raw_data_package (buffer_location_id) where state = 'creating'`,
  `create index data_transfer_item_on_the_way on data_transfer_item (destination_location_id) where status = 'pending'`,
  `create index physical_copy_latest on physical_copy (data_location_id, created_at)`,
];

/** Disks that are measured, breakers of routes and stores, why planners wait, how fast routes are. */
export class Liveness0000000000010 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [...MONITORING, ...BREAKERS, ...TRANSFERS]) await runner.query(statement);
  }

  down(): Promise<void> {
    return Promise.reject(
      new PermanentError('the catalogue is never migrated backwards', { advice: 'restore a backup' }),
    );
  }
}
