import type { EntityManager } from 'typeorm';
import type { DamageFound } from './fixity.js';
import { rows } from './sql.js';

/** How an archive's copies are. */
export interface FixityStatus {
  archive: string;
  copies: number;
  bytes: number;
  damaged: number;
  repaired: number;
  /** Asked for last without an answer. */
  unanswered: number;
  /** ISO 8601; absent where nothing was ever read back. */
  oldestVerification?: string;
}

/** Damage that was found, and what became of it. Times are ISO 8601. */
export interface Damage {
  copyId: string;
  /** Of the package. */
  name: string;
  archive: string;
  kind: DamageFound['kind'];
  /** Where the damaged object lies, or lay. */
  path: string;
  foundAt: string;
  /** Where it was whole for the last time before. */
  lastVerifiedAt?: string;
  repairedAt?: string;
  /** The location of the copy that it was repaired from. */
  repairedFrom?: string;
  /** Where the good object was put. */
  repairPath?: string;
}

/** Each archive. */
export async function fixityStatus(manager: EntityManager): Promise<FixityStatus[]> {
  const found = await rows<Omit<FixityStatus, 'oldestVerification'> & { oldest: Date | null }>(
    manager,
    `select s.short_name || '.' || l.name as archive, coalesce(t.copies, 0)::integer as copies, coalesce(t.bytes, 0)::float8 as bytes,
       coalesce(t.damaged, 0)::integer as damaged,
       (select count(*)::integer from archive_damage d join physical_copy r on r.id = d.physical_copy_id
        where r.data_location_id = l.id and d.repaired_at is not null) as repaired,
       (select count(*)::integer from archive_audit a join physical_copy u on u.id = a.physical_copy_id
        where a.failure is not null and u.data_location_id = l.id and u.state <> 'deleted') as unanswered,
       (select c.verified_at from physical_copy c where c.data_location_id = l.id and c.state = 'present' and c.verified_at is not null
        order by c.verified_at limit 1) as oldest
     from data_location l join site s on s.id = l.site_id
     left join lateral (
       select sum(copies) as copies, sum(bytes) as bytes, sum(copies) filter (where state = 'damaged') as damaged
       from copy_tally where data_location_id = l.id and state <> 'deleted') t on true
     where l.location_type = 'long_term_archive' order by 1`,
  );
  return found.map(({ oldest, ...one }) => ({ ...one, oldestVerification: oldest?.toISOString() }));
}

/** Damage that was found, what is not repaired first, then the latest, at most 1000; of one archive where its ID is given. */
export async function damages(
  manager: EntityManager,
  which: { archiveLocationId?: string; open: boolean },
): Promise<Damage[]> {
  const found = await rows<Record<keyof Damage, string | Date | null>>(
    manager,
    `select c.id as "copyId", p.name, s.short_name || '.' || l.name as archive, d.kind, d.path, d.found_at as "foundAt",
       d.last_verified_at as "lastVerifiedAt", d.repaired_at as "repairedAt", fs.short_name || '.' || fl.name as "repairedFrom",
       case when d.repaired_at is not null then d.repair_path end as "repairPath"
     from archive_damage d join physical_copy c on c.id = d.physical_copy_id join raw_data_package p on p.id = c.raw_data_package_id
     join data_location l on l.id = c.data_location_id join site s on s.id = l.site_id
     left join physical_copy f on f.id = d.repaired_from left join data_location fl on fl.id = f.data_location_id
     left join site fs on fs.id = fl.site_id
     where ($1::uuid is null or l.id = $1) and (not $2 or d.repaired_at is null) order by d.repaired_at is not null, d.found_at desc, d.id limit 1000`,
    [which.archiveLocationId ?? null, which.open],
  );
  return found.map(
    (one) =>
      Object.fromEntries(
        Object.entries(one)
          .filter(([, value]) => value !== null)
          .map(([key, value]) => [key, value instanceof Date ? value.toISOString() : value]),
      ) as unknown as Damage,
  );
}
