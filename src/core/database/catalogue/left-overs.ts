import type { EntityManager } from 'typeorm';
import { PermanentError } from '../../exceptions.js';
import type { PackageMember } from '../../package/package-result.js';
import { whyKept, type LeftOverFacts, type WhyKept } from '../../policy/left-over.js';
import type { PhysicalCopyState } from '../../states.js';
import { audit } from './audit.js';
import { lockForDeletion } from './deletion-schedule.js';
import { portions, row, rows, textHash } from './sql.js';

/** A package's tar in a buffer where the catalogue has no copy of it. */
export interface LeftOver {
  locationId: string;
  /** Of the package. */
  name: string;
  bytes: number;
  /** What the result beside it tells; absent where there is none. */
  members?: Pick<PackageMember, 'path' | 'mtimeNs' | 'sha256'>[];
}

/** Those of the names that are packages of which no copy is there at this location. */
export async function leftOversAmong(
  manager: EntityManager,
  locationId: string,
  names: readonly string[],
): Promise<string[]> {
  const found = await rows<{ name: string }>(
    manager,
    `select p.name from raw_data_package p where p.name = any($2::text[]) and not exists (
       select from physical_copy c where c.raw_data_package_id = p.id and c.data_location_id = $1 and c.state <> 'deleted')
     order by p.name`,
    [locationId, names],
  );
  return found.map(({ name }) => name);
}

/** Looks once more whether a left-over may go, and writes down that it does; else why it stays. Nothing records it as a copy from then on. */
export async function giveUpLeftOver(
  manager: EntityManager,
  leftOver: LeftOver,
): Promise<WhyKept | undefined> {
  const { locationId, name, bytes, members } = leftOver;
  const found = await row<{ id: string }>(manager, 'select id from raw_data_package where name = $1', [name]);
  if (found === undefined) return { words: 'the catalogue has no such package', passes: true };
  await lockForDeletion(manager, [found.id]);
  const kept = whyKept({
    ...(await factsOf(manager, found.id, locationId)),
    members: members && {
      count: members.length,
      recorded: await recordedAmong(manager, found.id, members),
    },
  });
  if (kept === undefined)
    await audit(
      manager,
      'left_over_removed',
      { table: 'raw_data_package', id: found.id },
      { locationId, name, bytes },
    );
  return kept;
}

async function factsOf(
  manager: EntityManager,
  packageId: string,
  locationId: string,
): Promise<LeftOverFacts> {
  const [found] = await rows<Omit<LeftOverFacts, 'copyHere'> & { copyHere: PhysicalCopyState | null }>(
    manager,
    `select p.state, here.deletable, source.site_id = here.site_id as "madeHere",
       (select c.state from physical_copy c where c.raw_data_package_id = p.id and c.data_location_id = here.id) as "copyHere",
       (select count(*)::integer from physical_copy c join data_location l on l.id = c.data_location_id
        where c.raw_data_package_id = p.id and l.location_type = 'long_term_archive' and l.active and c.state = 'present'
          and c.verified_at is not null and c.doubt is null) as "archiveCopies",
       exists (select from physical_copy c where c.raw_data_package_id = p.id and (c.state = 'damaged' or c.doubt is not null)) as damaged,
       exists (select from data_transfer_item i
               where i.raw_data_package_id = p.id and i.destination_location_id = here.id and i.status = 'pending') as "onItsWay",
       exists (select from deletion_hold h where h.released_at is null
               and (h.raw_data_package_id = p.id or h.executed_obs_unit_id = p.executed_obs_unit_id)) as held
     from raw_data_package p join data_location source on source.id = p.source_location_id
     join data_location here on here.id = $2
     where p.id = $1`,
    [packageId, locationId],
  );
  if (found === undefined)
    throw new PermanentError(`the catalogue has no location ${locationId}`, { subject: locationId });
  return { ...found, copyHere: found.copyHere ?? undefined };
}

/** How many of the entries the package has, as they are. */
async function recordedAmong(
  manager: EntityManager,
  packageId: string,
  members: NonNullable<LeftOver['members']>,
): Promise<number> {
  let recorded = 0;
  for (const some of portions(members)) {
    const found = await row<{ count: number }>(
      manager,
      `select count(*)::integer as count from raw_data_file f
       join unnest($2::text[], $3::bigint[], $4::text[]) as member (path_hash, mtime_ns, sha256)
         on member.path_hash = f.path_hash and member.mtime_ns = f.mtime_ns
       where f.raw_data_package_id = $1 and f.state in ('packaged', 'deleted') and f.sha256 is not distinct from member.sha256`,
      [
        packageId,
        some.map(({ path }) => textHash(path)),
        some.map(({ mtimeNs }) => mtimeNs),
        some.map(({ sha256 }) => sha256 ?? null),
      ],
    );
    recorded += found?.count ?? 0;
  }
  return recorded;
}
