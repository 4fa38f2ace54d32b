import type { EntityManager } from 'typeorm';
import type { PackageReference } from '../records.js';
import { rows } from './sql.js';

/**
 * The sweeps that find work which nobody took up. Each answers with a random choice where there is more than a planner
 * takes: packages that can't go on for now must not keep the others from being found.
 */
const MOST_PLANNED = 200;

/** For so long nobody looks whether a journey that was started is lost. */
const LEFT_ALONE = `interval '10 minutes'`;

export async function planArchiveTransfers(
  manager: EntityManager,
  archiveLocationId: string,
): Promise<PackageReference[]> {
  // Asked for by their IDs, so that the server knows how few copies are left at them.
  const buffers = await rows<{ id: string }>(
    manager,
    `select buffer.id from data_location archive
     join data_location buffer on buffer.site_id = archive.site_id and buffer.location_type = 'buffer'
     where archive.id = $1 and archive.location_type = 'long_term_archive' and archive.active`,
    [archiveLocationId],
  );
  return await rows(
    manager,
    // "offset 0": one look for each of the few, whatever the server thinks of their number.
    `with here as (
       select distinct c.raw_data_package_id as id from physical_copy c
       where c.data_location_id = any($2::uuid[]) and c.state = 'present' and c.verified_at is not null
         and not exists (
           select from long_term_archive_transfer t
           where t.raw_data_package_id = c.raw_data_package_id and t.archive_location_id = $1
             and (t.status = 'completed' or t.created_at > now() - ${LEFT_ALONE}) offset 0)
     )
     select p.id as "packageId", p.name, u.name as observation
     from here join raw_data_package p on p.id = here.id and p.state in ('arrived', 'archived')
     join executed_obs_unit u on u.id = p.executed_obs_unit_id
     order by random() limit ${MOST_PLANNED}`,
    [archiveLocationId, buffers.map(({ id }) => id)],
  );
}
