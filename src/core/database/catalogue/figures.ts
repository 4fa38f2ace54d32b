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
      `select state, count(*)::float8 as count from raw_data_package group by state`,
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
         select c.data_location_id as location_id, extract(epoch from now() - min(c.verified_at))::float8 as age
         from physical_copy c join data_location a on a.id = c.data_location_id and a.location_type = 'long_term_archive'
         where c.state <> 'deleted' and c.verified_at is not null group by c.data_location_id) x ${JOINED}`,
    ),
  };
}
