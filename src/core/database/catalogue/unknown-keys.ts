import type { EntityManager } from 'typeorm';
import { rows } from './sql.js';

/** Those of the keys under which the catalogue has no copy in this archive: neither one that counts, nor one that was found damaged. */
export async function unknownKeys(
  manager: EntityManager,
  archiveLocationId: string,
  keys: readonly string[],
): Promise<string[]> {
  // Key by key, by the index: a join of a page's keys would read all copies of the archive for each page.
  const found = await rows<{ key: string }>(
    manager,
    `select key from unnest($2::text[]) key
     where (select c.id from physical_copy c where c.data_location_id = $1 and c.path = key limit 1) is null
       and not exists (select from archive_damage d join physical_copy c on c.id = d.physical_copy_id
                       where c.data_location_id = $1 and key in (d.path, d.repair_path))`,
    [archiveLocationId, keys],
  );
  return found.map(({ key }) => key);
}
