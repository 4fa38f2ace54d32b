import type { EntityManager } from 'typeorm';
import { NonRetryableError, PermanentError, RetryableError } from '../../exceptions.js';
import type { EntryKind } from '../../states.js';
import type { PathText } from '../../utilities/path-text.js';
import { uniqueId } from '../../utilities/unique-id.js';
import type { Location, PackageSummary, PhysicalCopy } from '../records.js';
import { audit } from './audit.js';
import { copiesOfPackage } from './copies.js';
import { packageEntity, toSummary } from './packages.js';
import { changed, row, rows, withTimes, type Nullable } from './sql.js';
import { locationById } from './topology.js';

export interface StagingItem {
  packageId: string;
  name: string;
  observation: PathText;
  /** Only some files of it are wanted. */
  partial: boolean;
  files: number;
  bytes: number;
  status: 'pending' | 'staged' | 'failed';
  /** The archive that it came from, `site.location`; absent where it was there already. */
  archive?: string;
  stagedAt?: string;
  reason?: string;
}

/** An entry of a package that a job wants. */
export interface StagingMember {
  id: string;
  path: PathText;
  kind: EntryKind;
  size: number;
  /** Nanoseconds since the epoch, decimal. */
  mtimeNs: string;
  /** Hex; files only. */
  sha256?: string;
}

/** What staging one package of a job needs. */
export interface StagingOrder {
  jobId: string;
  requestedBy: string;
  location: Location;
  package: PackageSummary & { bytes: number; sha256: string };
  /** In the byte order of their paths. */
  members: StagingMember[];
  /** Whether these are all members of the package. */
  whole: boolean;
  copies: PhysicalCopy[];
}

export async function items(manager: EntityManager, jobId: string): Promise<StagingItem[]> {
  const found = await rows<Nullable<Omit<StagingItem, 'stagedAt'>> & { stagedAt: Date | null }>(
    manager,
    `select i.raw_data_package_id as "packageId", p.name, u.name as observation, i.patterns is not null as partial, i.files,
       i.bytes::float8 as bytes, i.status, s.short_name || '.' || l.name as archive, i.staged_at as "stagedAt", i.reason
     from staging_job_item i join raw_data_package p on p.id = i.raw_data_package_id
     join executed_obs_unit u on u.id = p.executed_obs_unit_id
     left join data_location l on l.id = i.archive_location_id left join site s on s.id = l.site_id
     where i.staging_job_id = $1 order by p.created_at, p.id`,
    [jobId],
  );
  return found.map(({ stagedAt, ...one }) => withTimes(one, { stagedAt })) as StagingItem[];
}

/**
 * What staging a package needs. Taking the order begins it: from here on the location has a copy that may be incomplete.
 *
 * @throws NonRetryableError if the job is over
 * @throws RetryableError while the copy is being cleaned away
 */
export async function stagingOrder(
  manager: EntityManager,
  jobId: string,
  packageId: string,
): Promise<StagingOrder> {
  const item = await openItem(manager, jobId, packageId);
  await rows(
    manager,
    `insert into staged_copy (data_location_id, raw_data_package_id) values ($1, $2) on conflict do nothing`,
    [item.locationId, packageId],
  );
  const copy = await row<{ cleaning: boolean }>(
    manager,
    `select cleaning_since is not null as cleaning from staged_copy where data_location_id = $1 and raw_data_package_id = $2
     for share`,
    [item.locationId, packageId],
  );
  if (copy === undefined || copy.cleaning)
    throw new RetryableError('an earlier copy of this package is just being removed', {
      operation: 'staging',
      subject: packageId,
      advice: 'It is fetched anew when that is done.',
      retryAfterSeconds: 5,
    });
  await rows(manager, `update staging_job set state = 'active' where id = $1 and state = 'requested'`, [
    jobId,
  ]);
  return readOrder(manager, jobId, packageId, item);
}

/** As {@link stagingOrder}, for a job that may be over; begins nothing. */
export async function stagedPackage(
  manager: EntityManager,
  jobId: string,
  packageId: string,
): Promise<StagingOrder> {
  return readOrder(manager, jobId, packageId, await itemOf(manager, jobId, packageId));
}

/** Records that the wanted files of a package lie at the location, each with the digest of the first read. */
export async function recordStaged(
  manager: EntityManager,
  staged: { jobId: string; packageId: string; archiveLocationId?: string },
): Promise<void> {
  const { jobId, packageId } = staged;
  const item = await openItem(manager, jobId, packageId);
  await rows(
    manager,
    'select from staged_copy where data_location_id = $1 and raw_data_package_id = $2 for update',
    [item.locationId, packageId],
  );
  const done = await changed(
    manager,
    `update staging_job_item set status = 'staged', staged_at = now(), archive_location_id = coalesce($3, archive_location_id), reason = null
     where staging_job_id = $1 and raw_data_package_id = $2 and status <> 'staged'`,
    [jobId, packageId, staged.archiveLocationId ?? null],
  );
  await recordFiles(manager, item, packageId);
  const entity = await packageEntity(manager, packageId);
  await rows(
    manager,
    `insert into physical_copy as old (id, raw_data_package_id, data_location_id, state, path, bytes, sha256, verified_at, created_at)
     values ($1, $2, $3, 'staged', $4, $5, $6, now(), now())
     on conflict (raw_data_package_id, data_location_id) do update set
       state = 'staged', verified_at = greatest(old.verified_at, excluded.verified_at), deleted_at = null, delete_after = null,
       path = excluded.path`,
    [uniqueId(), packageId, item.locationId, `packages/${entity.name}`, entity.bytes, entity.sha256],
  );
  if (done === 0) return;
  const facts = { jobId, archiveLocationId: staged.archiveLocationId ?? null };
  await audit(manager, 'package_staged', { table: 'raw_data_package', id: packageId }, facts);
}

/** Gives packages of a job up; the job goes on without them. */
export async function failItems(
  manager: EntityManager,
  jobId: string,
  failed: { packageId: string; reason: string }[],
): Promise<void> {
  for (const { packageId, reason } of failed)
    await rows(
      manager,
      `update staging_job_item set status = 'failed', reason = $3 where staging_job_id = $1 and raw_data_package_id = $2
         and status = 'pending'`,
      [jobId, packageId, reason],
    );
}

interface ItemRow {
  locationId: string;
  requestedBy: string;
  patterns: string[] | null;
  ended: boolean;
}

async function itemOf(manager: EntityManager, jobId: string, packageId: string): Promise<ItemRow> {
  const found = await row<ItemRow>(
    manager,
    `select j.data_location_id as "locationId", j.requested_by as "requestedBy", i.patterns, j.ended_at is not null as ended
     from staging_job_item i join staging_job j on j.id = i.staging_job_id
     where i.staging_job_id = $1 and i.raw_data_package_id = $2`,
    [jobId, packageId],
  );
  if (found !== undefined) return found;
  throw new PermanentError(`the staging job ${jobId} does not want the package ${packageId}`, {
    subject: jobId,
  });
}

async function openItem(manager: EntityManager, jobId: string, packageId: string): Promise<ItemRow> {
  const item = await itemOf(manager, jobId, packageId);
  if (!item.ended) return item;
  throw new NonRetryableError('this staging job is over', { operation: 'staging', subject: jobId });
}

async function readOrder(
  manager: EntityManager,
  jobId: string,
  packageId: string,
  item: ItemRow,
): Promise<StagingOrder> {
  const entity = await packageEntity(manager, packageId);
  const members = await rows<Omit<StagingMember, 'sha256'> & { sha256: string | null }>(
    manager,
    `select id, path, kind, size::float8 as size, mtime_ns as "mtimeNs", sha256 from raw_data_file
     where raw_data_package_id = $1 and ($2::text[] is null or path ~ any($2)) order by path collate "C"`,
    [packageId, item.patterns],
  );
  const { bytes, sha256 } = entity;
  if (bytes === null || sha256 === null)
    throw new PermanentError('a package that was never made is not in any archive', { subject: entity.name });
  return {
    jobId,
    requestedBy: item.requestedBy,
    location: await locationById(manager, item.locationId),
    package: { ...toSummary(entity), bytes, sha256 },
    members: members.map((one) => ({ ...one, sha256: one.sha256 ?? undefined })),
    whole: item.patterns === null,
    copies: await copiesOfPackage(manager, packageId),
  };
}

async function recordFiles(manager: EntityManager, item: ItemRow, packageId: string): Promise<void> {
  const of = [item.locationId, packageId];
  if (item.patterns === null) {
    await rows(
      manager,
      'update staged_copy set complete = true, needed_at = now() where data_location_id = $1 and raw_data_package_id = $2',
      of,
    );
    await rows(
      manager,
      'delete from staged_file where data_location_id = $1 and raw_data_package_id = $2',
      of,
    );
    return;
  }
  await rows(
    manager,
    `insert into staged_file (data_location_id, raw_data_package_id, raw_data_file_id)
     select $1, $2, f.id from raw_data_file f join staged_copy c on c.data_location_id = $1 and c.raw_data_package_id = $2
     where f.raw_data_package_id = $2 and f.path ~ any($3) and not c.complete on conflict do nothing`,
    [...of, item.patterns],
  );
}
