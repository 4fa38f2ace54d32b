import type { EntityManager } from 'typeorm';
import type { PackageReference } from '../records.js';
import { rows } from './sql.js';

/**
 * The sweeps that find work which nobody took up. Each answers with a random choice where there is more than a planner
 * takes: packages that can't go on for now must not keep the others from being found.
 */
const MOST_PLANNED = 200;

export async function planArchiveTransfers(
  manager: EntityManager,
  archiveLocationId: string,
): Promise<PackageReference[]> {
  return await rows(
    manager,
    `with here as (
       select distinct c.raw_data_package_id as id
       from data_location archive
       join data_location buffer on buffer.site_id = archive.site_id and buffer.location_type = 'buffer'
       join physical_copy c on c.data_location_id = buffer.id and c.state = 'present' and c.verified_at is not null
       where archive.id = $1 and archive.location_type = 'long_term_archive' and archive.active
         and not exists (
           select from long_term_archive_transfer t
           where t.raw_data_package_id = c.raw_data_package_id and t.archive_location_id = $1 and t.status = 'completed')
     )
     select p.id as "packageId", p.name, u.name as observation
     from here join raw_data_package p on p.id = here.id and p.state in ('arrived', 'archived')
     join executed_obs_unit u on u.id = p.executed_obs_unit_id
     order by random() limit ${MOST_PLANNED}`,
    [archiveLocationId],
  );
}

export async function planDeletions(manager: EntityManager, site: string): Promise<PackageReference[]> {
  return await rows(
    manager,
    `with redundant as (
       select c.raw_data_package_id as id from physical_copy c
       join data_location l on l.id = c.data_location_id and l.deletable and l.active and l.storage_type = 'disk'
       join site s on s.id = l.site_id and s.short_name = $1
       where c.state <> 'deleted' and not exists (
         select from data_transfer_item i where i.raw_data_package_id = c.raw_data_package_id and i.status = 'pending')
       and not exists (
         -- An archive that still lacks the package, and gets it from here.
         select from data_location archive join raw_data_package p on p.id = c.raw_data_package_id
         where archive.location_type = 'long_term_archive' and archive.active and p.buffer_location_id <> c.data_location_id
           and (archive.site_id = l.site_id or exists (
             select from data_transfer_route r where r.active and r.origin_site_id = l.site_id and r.destination_site_id = archive.site_id))
           and not exists (select from physical_copy a where a.raw_data_package_id = p.id and a.data_location_id = archive.id
             and a.state = 'present' and a.verified_at is not null))
       union
       select p.id from raw_data_package p
       join data_location l on l.id = p.source_location_id and l.deletable and l.active
       join site s on s.id = l.site_id and s.short_name = $1
       where p.state = 'archived' and p.source_freed_at is null
     )
     select p.id as "packageId", p.name, u.name as observation
     from redundant join raw_data_package p on p.id = redundant.id and p.state = 'archived'
     join executed_obs_unit u on u.id = p.executed_obs_unit_id
     order by random() limit ${MOST_PLANNED}`,
    [site],
  );
}
