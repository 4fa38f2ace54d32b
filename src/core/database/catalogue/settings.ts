import type { EntityManager } from 'typeorm';
import { ConfigurationError } from '../../exceptions.js';
import { placeName, type SettingPlace, type StoredSetting } from '../../settings-manager.js';
import { uniqueId } from '../../utilities/unique-id.js';
import type { AnyValue } from '../../value-kinds.js';
import { audit } from './audit.js';
import { lock, row, rows } from './sql.js';

/** Who changed what, when and why. */
export interface SettingChange {
  name: string;
  site?: string;
  location?: string;
  /** Null: there was none. */
  oldValue: AnyValue | null;
  /** Null: there is none any more. */
  newValue: AnyValue | null;
  by: string;
  note?: string;
  /** ISO 8601 */
  at: string;
}

interface StoredRow {
  name: string;
  site: string | null;
  location: string | null;
  value: unknown;
}

interface ChangeRow {
  name: string;
  site: string | null;
  location: string | null;
  oldValue: AnyValue | null;
  newValue: AnyValue | null;
  by: string;
  note: string | null;
  at: Date;
}

/** The site and location of a row of the settings' tables, `one`. */
const PLACE = `left join data_location l on l.id = one.data_location_id
  left join site s on s.id = coalesce(one.site_id, l.site_id)`;

export async function stored(manager: EntityManager): Promise<StoredSetting[]> {
  const found = await rows<StoredRow>(
    manager,
    `select one.name, s.short_name as site, l.name as location, one.value
      from setting one ${PLACE} order by one.name, s.short_name nulls first, l.name nulls first`,
  );
  return found.map(({ name, value, ...place }) => ({ name, value, ...placeOf(place) }));
}

/** Makes a setting have a value at a place, or none; writes history and audit entry with it. Undefined where it is so already. */
export async function change(
  manager: EntityManager,
  name: string,
  value: AnyValue | undefined,
  place: SettingPlace,
  author: { by: string; note?: string },
): Promise<SettingChange | undefined> {
  const { siteId, locationId } = await idsOf(manager, place);
  // One after the other, so that each change names the value that it replaced.
  await lock(manager, `setting ${name}`);
  const about = [name, siteId, locationId];
  const before = await row<{ value: AnyValue }>(
    manager,
    `select value from setting
      where name = $1 and site_id is not distinct from $2 and data_location_id is not distinct from $3`,
    about,
  );
  if (before?.value === value) return undefined;
  if (value === undefined)
    await rows(
      manager,
      `delete from setting
        where name = $1 and site_id is not distinct from $2 and data_location_id is not distinct from $3`,
      about,
    );
  else
    await rows(
      manager,
      `insert into setting (id, name, site_id, data_location_id, value, changed_by) values ($1, $2, $3, $4, $5, $6)
        on conflict (name, site_id, data_location_id)
        do update set value = excluded.value, changed_by = excluded.changed_by, changed_at = clock_timestamp()`,
      [uniqueId(), ...about, JSON.stringify(value), author.by],
    );
  return record(manager, about, {
    name,
    ...place,
    ...author,
    oldValue: before?.value ?? null,
    newValue: value ?? null,
  });
}

export async function history(
  manager: EntityManager,
  name: string | undefined,
  limit: number,
): Promise<SettingChange[]> {
  const found = await rows<ChangeRow>(
    manager,
    `select one.name, s.short_name as site, l.name as location, one.old_value as "oldValue", one.new_value as "newValue",
        one.changed_by as "by", one.note, one.at
      from setting_change one ${PLACE}
      where $1::text is null or one.name = $1 order by one.at desc, one.id desc limit $2`,
    [name ?? null, limit],
  );
  return found.map(({ site, location, note, at, ...one }) => ({
    ...one,
    ...placeOf({ site, location }),
    ...(note === null ? {} : { note }),
    at: at.toISOString(),
  }));
}

async function record(
  manager: EntityManager,
  about: unknown[],
  made: Omit<SettingChange, 'at'>,
): Promise<SettingChange> {
  const id = uniqueId();
  const json = (value: AnyValue | null) => (value === null ? null : JSON.stringify(value));
  const written = await row<{ at: Date }>(
    manager,
    `insert into setting_change (id, name, site_id, data_location_id, old_value, new_value, changed_by, note, at)
      values ($1, $2, $3, $4, $5, $6, $7, $8, clock_timestamp()) returning at`,
    [id, ...about, json(made.oldValue), json(made.newValue), made.by, made.note ?? null],
  );
  await audit(
    manager,
    'setting_changed',
    { table: 'setting_change', id },
    {
      name: made.name,
      place: placeName(made),
      oldValue: made.oldValue,
      newValue: made.newValue,
      by: made.by,
      note: made.note ?? null,
    },
  );
  return { ...made, at: (written?.at ?? new Date()).toISOString() };
}

/** @throws ConfigurationError where the catalogue knows no such place */
async function idsOf(
  manager: EntityManager,
  { site, location }: SettingPlace,
): Promise<{ siteId: string | null; locationId: string | null }> {
  if (site === undefined) return { siteId: null, locationId: null };
  const found = await row<{ site: string; location: string | null }>(
    manager,
    `select s.id as site, l.id as location from site s
      left join data_location l on l.site_id = s.id and l.name = $2 where s.short_name = $1`,
    [site, location ?? null],
  );
  if (found === undefined) throw unknownPlace('site', site);
  if (location === undefined) return { siteId: found.site, locationId: null };
  if (found.location === null) throw unknownPlace('location', `${site}.${location}`);
  return { siteId: null, locationId: found.location };
}

function unknownPlace(kind: string, name: string): ConfigurationError {
  return new ConfigurationError(`there is no ${kind} ${name}`, {
    subject: name,
    advice: '`cdt topology show` lists the sites and their locations.',
  });
}

function placeOf({ site, location }: { site: string | null; location: string | null }): SettingPlace {
  return { ...(site === null ? {} : { site }), ...(location === null ? {} : { location }) };
}
