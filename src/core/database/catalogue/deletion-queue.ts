import type { EntityManager } from 'typeorm';
import { inWords, type Reason } from '../../policy/reason.js';
import { notBefore } from '../../policy/deletion-backoff.js';
import type { LocationType } from '../../states.js';
import { row, rows } from './sql.js';

/** When the planner looks at a package again. */

/** The run of the planner's workflow that asks: the same for each try of its activity. */
export type PlannerRun = string;

/** Something changed that may let copies of these packages go: they are looked at in the next round. */
export async function reconsider(manager: EntityManager, packageIds: string[]): Promise<void> {
  if (packageIds.length === 0) return;
  await rows(
    manager,
    `update package_deletion set not_before = null, refusals = 0, refused_for = null
     where raw_data_package_id = any($1::uuid[]) and (not_before is not null or refusals > 0)`,
    [packageIds],
  );
}

/** Nothing of a package could go: it is left alone for a while that grows with each time in a row. */
export async function putOff(
  manager: EntityManager,
  packageId: string,
  reasons: readonly Reason[],
  now: Date,
): Promise<void> {
  const before = await row<{ refusals: number }>(
    manager,
    'select refusals from package_deletion where raw_data_package_id = $1',
    [packageId],
  );
  const refusals = before?.refusals ?? 0;
  await rows(
    manager,
    `insert into package_deletion (raw_data_package_id, not_before, refusals, refused_for) values ($1, $2, $3, $4)
     on conflict (raw_data_package_id) do update set
       not_before = excluded.not_before, refusals = excluded.refusals, refused_for = excluded.refused_for, handed_to = null`,
    [packageId, notBefore(refusals, reasons, now), refusals + 1, inWords(reasons)],
  );
}

/**
 * Some of a package is scheduled, or being deleted: planners come back to it then.
 *
 * @param handedTo the run that is told of it now: it may ask again, for the answer may get lost on its way there
 */
export async function comeBack(
  manager: EntityManager,
  packageId: string,
  at: Date,
  handedTo: PlannerRun | undefined,
): Promise<void> {
  await rows(
    manager,
    `insert into package_deletion (raw_data_package_id, not_before, refusals, handed_to) values ($1, $2, 0, $3)
     on conflict (raw_data_package_id) do update set
       not_before = excluded.not_before, refusals = 0, refused_for = null, handed_to = excluded.handed_to`,
    [packageId, at, handedTo],
  );
}

/** Those of these packages that are not to be looked at later only, by this run of a planner; in their order. */
export async function notPutOff(
  manager: EntityManager,
  packageIds: readonly string[],
  run: PlannerRun,
): Promise<string[]> {
  const later = await rows<{ id: string }>(
    manager,
    `select raw_data_package_id as id from package_deletion
     where raw_data_package_id = any($1::uuid[]) and not_before > now() and handed_to is distinct from $2`,
    [packageIds, run],
  );
  const putOffs = new Set(later.map(({ id }) => id));
  return packageIds.filter((id) => !putOffs.has(id));
}

/** A place where something of a package takes up space and may be freed at all; the first by name, so that all of a source's packages are planned at one site. */
export async function placeToFree(
  manager: EntityManager,
  packageId: string,
): Promise<{ site: string; location: string } | undefined> {
  return row(
    manager,
    `select s.short_name as site, l.name as location from data_location l join site s on s.id = l.site_id
     where l.deletable and l.active and l.storage_type = 'disk' and l.location_type in ('source', 'buffer') and l.id in (
       select data_location_id from physical_copy where raw_data_package_id = $1 and state <> 'deleted'
       union all
       select source_location_id from raw_data_package where id = $1 and source_freed_at is null)
     order by s.short_name, l.name limit 1`,
    [packageId],
  );
}

/**
 * Archived packages of which something takes up space at a site where it need not: those on the fullest disks first (by the levels
 * that were measured), of them the ones that were never looked at, then those that waited longest. What was handed to this run is
 * among them again, should it be due still.
 */
export async function candidates(
  manager: EntityManager,
  site: string,
  limit: number,
  run: PlannerRun,
): Promise<string[]> {
  // Asked for by their IDs, so that the server knows how few copies are left at them.
  const here = await rows<{ id: string; type: LocationType }>(
    manager,
    `select l.id, l.location_type as type from data_location l join site s on s.id = l.site_id and s.short_name = $1
     where l.deletable and l.active and l.storage_type = 'disk'`,
    [site],
  );
  const places = here.filter(({ type }) => type !== 'processing').map(({ id }) => id);
  const found = await rows<{ id: string }>(
    manager,
    `with found as (
       select raw_data_package_id as id, data_location_id as place from physical_copy
       where data_location_id = any($1::uuid[]) and state <> 'deleted'
       union all
       select id, source_location_id from raw_data_package
       where source_location_id = any($1::uuid[]) and state = 'archived' and source_freed_at is null
     ), left_over as (
       select found.id, max(coalesce(array_position(array['warn', 'high', 'critical'], m.level), 0)) as pressure
       from found left join location_measurement m on m.data_location_id = found.place and m.condition = 'usable' group by found.id
     )
     select p.id from left_over join raw_data_package p on p.id = left_over.id and p.state = 'archived'
     left join package_deletion d on d.raw_data_package_id = p.id
     where d.not_before is null or d.not_before <= now() or d.handed_to = $3
     order by left_over.pressure desc, d.not_before nulls first, p.archived_at, p.id limit $2`,
    [places, limit, run],
  );
  return found.map(({ id }) => id);
}
