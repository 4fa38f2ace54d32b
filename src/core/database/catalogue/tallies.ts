import type { EntityManager } from 'typeorm';
import type { PackageState } from '../../states.js';
import { row, rows } from './sql.js';

/** Sums that are kept as packages and copies change (migration 0027): what would be counted over whole tables otherwise. */

export interface PackageTotals {
  state: PackageState;
  packages: number;
  files: number;
  payloadBytes: number;
  bytes: number;
  madeFiles: number;
  madeBytes: number;
  freedFiles: number;
  freedBytes: number;
}

/** Of one source, by state. */
export function packageTotals(manager: EntityManager, sourceLocationId: string): Promise<PackageTotals[]> {
  return rows(
    manager,
    `select state, sum(packages)::float8 as packages, sum(files)::float8 as files, sum(payload_bytes)::float8 as "payloadBytes",
       sum(bytes)::float8 as bytes, sum(made_files)::float8 as "madeFiles", sum(made_bytes)::float8 as "madeBytes",
       sum(freed_files)::float8 as "freedFiles", sum(freed_bytes)::float8 as "freedBytes"
     from package_tally where source_location_id = $1 group by state having sum(packages) <> 0`,
    [sourceLocationId],
  );
}

/** So many rows are added up as quickly as one. */
const MANY = 500;

/** Adds up what was written down since, where that has become much. */
export async function addUpTallies(manager: EntityManager): Promise<void> {
  for (const table of ['package_tally', 'copy_tally']) {
    const found = await row<{ many: boolean }>(
      manager,
      `select count(*) > ${MANY} as many from (select from ${table} limit ${MANY + 1}) written`,
    );
    if (found?.many === true) await rows(manager, `select ${table}_add_up()`);
  }
}
