import type { MigrationInterface, QueryRunner } from 'typeorm';
import { PermanentError } from '../../exceptions.js';

const STATEMENTS = [
  `alter table data_transfer_route
    add column origin_location_id uuid references data_location,
    add column destination_location_id uuid references data_location,
    add column via_site_id uuid references site,
    add column max_transfers integer check (max_transfers > 0),
    add column max_bytes_per_second bigint check (max_bytes_per_second > 0),
    add column hours jsonb,
    add constraint relay_has_a_station check ((route_type = 'relay') = (via_site_id is not null)),
    add constraint station_is_neither_end check (via_site_id not in (origin_site_id, destination_site_id)),
    add constraint custom_has_a_location check (
      (route_type = 'custom') = (origin_location_id is not null or destination_location_id is not null))`,
  // Of one transfer, how each of its packages fared: the same package may travel to several sites.
  `create table data_transfer_item (
    data_transfer_id uuid not null references data_transfer,
    raw_data_package_id uuid not null references raw_data_package,
    destination_location_id uuid not null references data_location,
    status text not null check (status in ('pending', 'arrived', 'left', 'failed')),
    reason text,
    closed_at timestamptz,
    primary key (data_transfer_id, raw_data_package_id),
    constraint closed_has_a_time check ((status = 'pending') = (closed_at is null)),
    constraint given_up_has_a_reason check (status not in ('left', 'failed') or reason is not null)
  )`,
  `insert into data_transfer_item (data_transfer_id, raw_data_package_id, destination_location_id, status, reason, closed_at)
    select t.id, p.id, t.destination_location_id,
      case p.state when 'transferring' then 'pending' when 'failed' then 'failed' else 'arrived' end,
      case p.state when 'failed' then p.reason end,
      case when p.state <> 'transferring' then coalesce(t.completed_at, now()) end
    from data_transfer t join raw_data_package p on p.data_transfer_package_id = t.data_transfer_package_id`,
  // A package is on its way to a place once at a time, whoever sends it.
  `create unique index data_transfer_item_pending on data_transfer_item (raw_data_package_id, destination_location_id)
    where status = 'pending'`,
  `create index data_transfer_item_by_package on data_transfer_item (raw_data_package_id, status)`,
  `create index data_transfer_by_route on data_transfer (route_id) where completed_at is null`,
  `create index data_transfer_latest on data_transfer (origin_location_id, destination_location_id, created_at)`,
  `create index physical_copy_by_package on physical_copy (raw_data_package_id)`,
];

/** Routes with limits, stations and locations of their own; packages that travel to several sites. */
export class Routes0000000000002 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  down(): Promise<void> {
    return Promise.reject(
      new PermanentError('the catalogue is never migrated backwards', { advice: 'restore a backup' }),
    );
  }
}
