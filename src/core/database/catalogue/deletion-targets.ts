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

/** Packages of which something is at such a place, archives left out; in the order of their IDs. */
export async function packagesWithTargets(manager: EntityManager, which: TargetsPage): Promise<string[]> {
  const found = await rows<{ id: string }>(
    manager,
    `with there as (
       select l.id from data_location l join site s on s.id = l.site_id
       where ($1::text is null or s.short_name = $1) and ($2::text is null or l.name = $2) and l.location_type <> 'long_term_archive'
     )
     select id from (
       select c.raw_data_package_id as id from physical_copy c join there on there.id = c.data_location_id where c.state <> 'deleted'
       union
       select p.id from raw_data_package p join there on there.id = p.source_location_id
       where p.source_freed_at is null and p.state <> 'failed'
     ) as all_of_them where $3::uuid is null or id > $3 order by id limit $4`,
    [which.site ?? null, which.location ?? null, which.after ?? null, which.limit],
  );
  return found.map(({ id }) => id);
}
