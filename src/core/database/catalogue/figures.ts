import type { EntityManager } from 'typeorm';
import { rows } from './sql.js';

/** What the catalogue knows in numbers, for metrics. Ages in seconds. */
export interface Figures {
  packages: { state: string; count: number }[];
  problems: { operation: string; count: number }[];
  /** Files at each source that no package holds yet. */
  waitingFiles: { site: string; location: string; count: number; bytes: number; oldestAge: number }[];
  /** Packages that are on their way into their first archive, by where they were made. */
  oldestUnarchived: { site: string; location: string; age: number }[];
  /** For each archive, the copy that was not read back for longest. */
  oldestVerified: { site: string; location: string; age: number }[];
}

const PLACE = 's.short_name as site, l.name as location';
const JOINED = 'join data_location l on l.id = x.location_id join site s on s.id = l.site_id';

export async function figures(manager: EntityManager): Promise<Figures> {
  return {
    packages: await rows(
      manager,
      `select state, sum(packages)::float8 as count from package_tally group by state having sum(packages) <> 0`,
    ),
    problems: await rows(
      manager,
      `select operation, count(*)::float8 as count from problem where resolved_at is null group by operation`,
    ),
    waitingFiles: await rows(
      manager,
      `select ${PLACE}, count, bytes, age as "oldestAge" from (
         select source_location_id as location_id, count(*)::float8 as count, sum(size)::float8 as bytes,
           extract(epoch from now() - min(seen_at))::float8 as age
         from raw_data_file where state = 'registered' group by source_location_id) x ${JOINED}`,
    ),
    oldestUnarchived: await rows(
      manager,
      `select ${PLACE}, age from (
         select source_location_id as location_id, extract(epoch from now() - min(created_at))::float8 as age
         from raw_data_package where state in ('creating', 'waiting', 'transferring', 'arrived') group by source_location_id) x ${JOINED}`,
    ),
    oldestVerified: await rows(
      manager,
      `select ${PLACE}, age from (
         select a.id as location_id, extract(epoch from now() - oldest.verified_at)::float8 as age
         from data_location a cross join lateral (
           select verified_at from physical_copy where data_location_id = a.id and state = 'present' and verified_at is not null
           order by verified_at limit 1) oldest
         where a.location_type = 'long_term_archive') x ${JOINED}`,
    ),
  };
}
