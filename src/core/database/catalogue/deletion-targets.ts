import type { EntityManager } from 'typeorm';
import { rows } from './sql.js';

export interface TargetsPage {
  site?: string;
  /** The location's name at its site. */
  location?: string;
  /** The last package of the page before. */
  after?: string;
  limit: number;
}

/** The first of all UUIDs. */
const NIL = '00000000-0000-0000-0000-000000000000';

/** Packages of which something is at such a place, archives left out; in the order of their IDs. */
export async function packagesWithTargets(manager: EntityManager, which: TargetsPage): Promise<string[]> {
  const found = await rows<{ id: string }>(
    manager,
    `with there as (
       select l.id from data_location l join site s on s.id = l.site_id
       where ($1::text is null or s.short_name = $1) and ($2::text is null or l.name = $2) and l.location_type <> 'long_term_archive'
     )
     select all_of_them.id from there cross join lateral (
       (select raw_data_package_id as id from physical_copy
        where data_location_id = there.id and state <> 'deleted' and raw_data_package_id > $3 order by raw_data_package_id limit $4)
       union all
       (select id from raw_data_package
        where source_location_id = there.id and source_freed_at is null and state <> 'failed' and id > $3 order by id limit $4)
     ) as all_of_them group by 1 order by 1 limit $4`,
    [which.site ?? null, which.location ?? null, which.after ?? NIL, which.limit],
  );
  return found.map(({ id }) => id);
}
