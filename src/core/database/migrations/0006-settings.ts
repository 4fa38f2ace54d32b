import type { MigrationInterface, QueryRunner } from 'typeorm';
import { PermanentError } from '../../exceptions.js';

/** A name, and the place that a value holds at: everywhere, at a site, or at one of its locations. */
const ABOUT = `
    name text not null check (name ~ '^[a-z][a-z0-9_]*([.][a-z][a-z0-9_]*)+$'),
    site_id uuid references site,
    data_location_id uuid references data_location`;

const SETTINGS = [
  `create table setting (
    id uuid primary key,${ABOUT},
    value jsonb not null check (jsonb_typeof(value) in ('number', 'string', 'boolean')),
    changed_by text not null check (changed_by <> ''),
    changed_at timestamptz not null default now(),
    constraint setting_is_of_one_place check (num_nonnulls(site_id, data_location_id) <= 1),
    constraint one_value_for_each_place unique nulls not distinct (name, site_id, data_location_id)
  )`,
  // Null: there was no value before, or is none any more.
  `create table setting_change (
    id uuid primary key,${ABOUT},
    old_value jsonb check (jsonb_typeof(old_value) in ('number', 'string', 'boolean')),
    new_value jsonb check (jsonb_typeof(new_value) in ('number', 'string', 'boolean')),
    changed_by text not null check (changed_by <> ''),
    note text check (note <> ''),
    at timestamptz not null default now(),
    constraint change_is_of_one_place check (num_nonnulls(site_id, data_location_id) <= 1),
    constraint change_changes check (old_value is distinct from new_value)
  )`,
  `create index setting_change_latest on setting_change (name, at desc)`,
  `create trigger refuse_changed_history before update or delete or truncate on setting_change
    for each statement execute function refuse_changed_history()`,
];

/** Values of settings that operators gave, and the history of who changed what. */
export class Settings0000000000006 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of SETTINGS) await runner.query(statement);
  }

  down(): Promise<void> {
    return Promise.reject(
      new PermanentError('the catalogue is never migrated backwards', { advice: 'restore a backup' }),
    );
  }
}
