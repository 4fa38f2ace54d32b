import type { EntityManager } from 'typeorm';
import { DataCorruptionError, PermanentError } from '../../exceptions.js';
import { uniqueId } from '../../utilities/unique-id.js';
import type { RawDataPackageEntity } from '../entities/raw-data-package.js';
import type { ArchiveOrder, Location, Provenance, StoredCopy } from '../records.js';
import { audit } from './audit.js';
import { recordChallenge } from './challenges.js';
import { copiesOfPackage } from './copies.js';
import { reconsider } from './deletion-queue.js';
import { packageEntity, toSummary } from './packages.js';
import { row, rows } from './sql.js';
import { locationById } from './topology.js';

export async function archivedCopy(
  manager: EntityManager,
  packageId: string,
  archiveLocationId: string,
): Promise<StoredCopy | undefined> {
  const copies = await copiesOfPackage(manager, packageId);
  const there = copies.find(
    ({ location, state, doubt }) =>
      location.id === archiveLocationId && state === 'present' && doubt === undefined,
  );
  if (there?.verifiedAt === undefined) return undefined;
  const { path: key, bytes, sha256, versionId, etag, verifiedAt } = there;
  return { key, bytes, sha256, versionId, etag, verifiedAt };
}

export async function archiveOrder(
  manager: EntityManager,
  packageId: string,
  archiveLocationId: string,
): Promise<ArchiveOrder> {
  const entity = await packageEntity(manager, packageId);
  const archive = await archiveLocation(manager, archiveLocationId);
  const copies = await copiesOfPackage(manager, packageId);
  const here = copies.filter(
    ({ location, state }) =>
      location.site === archive.site && location.locationType === 'buffer' && state === 'present',
  );
  const [copy] = here.sort((a, b) => a.location.priority - b.location.priority);
  if (copy === undefined) {
    throw new PermanentError(`no copy of the package lies in a buffer at ${archive.site}`, {
      operation: 'long_term_archive_transfer',
      subject: entity.name,
      advice: 'see where its copies are, and send it again',
    });
  }
  await rows(
    manager,
    `insert into long_term_archive_transfer as old (id, raw_data_package_id, archive_location_id, status, created_at)
     values ($1, $2, $3, 'in_progress', now())
     on conflict (raw_data_package_id, archive_location_id) do update set status = 'in_progress' where old.status = 'pending'`,
    [uniqueId(), packageId, archiveLocationId],
  );
  const { bytes, sha256 } = copy;
  return { package: toSummary(entity), copy, archive, provenance: { ...provenance(entity), bytes, sha256 } };
}

/** Notes that the journeys of these packages into an archive were started: its planner leaves them alone for a while. */
export async function noteArchivingStarted(
  manager: EntityManager,
  packageIds: string[],
  archiveLocationId: string,
): Promise<void> {
  await rows(
    manager,
    `insert into long_term_archive_transfer (id, raw_data_package_id, archive_location_id, status, created_at)
     select *, $3::uuid, 'pending', now() from unnest($1::uuid[], $2::uuid[]) on conflict do nothing`,
    [packageIds.map(() => uniqueId()), packageIds, archiveLocationId],
  );
}

export async function recordArchived(
  manager: EntityManager,
  packageId: string,
  archiveLocationId: string,
  stored: StoredCopy,
): Promise<void> {
  await archiveLocation(manager, archiveLocationId);
  await rows(manager, 'select from raw_data_package where id = $1 for update', [packageId]);
  const entity = await packageEntity(manager, packageId);
  if (entity.bytes !== stored.bytes || entity.sha256 !== stored.sha256) {
    throw new DataCorruptionError('what is stored in the archive is not what was packaged', {
      operation: 'long_term_archive_transfer',
      subject: entity.name,
      context: { packaged: entity.sha256, stored: stored.sha256 },
    });
  }
  const copyId = await recordCopy(manager, packageId, archiveLocationId, stored);
  if (stored.ranges !== undefined)
    await recordChallenge(manager, { copyId, method: 'full', ranges: stored.ranges });
  await reconsider(manager, [packageId]);
  await rows(
    manager,
    `update raw_data_package set state = 'archived', archived_at = $2 where id = $1 and state not in ('archived', 'failed')`,
    [packageId, stored.verifiedAt],
  );
  const completed = await row<{ id: string }>(
    manager,
    `insert into long_term_archive_transfer as old (id, raw_data_package_id, archive_location_id, status, created_at, completed_at)
     values ($1, $2, $3, 'completed', now(), now())
     on conflict (raw_data_package_id, archive_location_id) do update set status = 'completed', completed_at = now()
       where old.status <> 'completed'
     returning id`,
    [uniqueId(), packageId, archiveLocationId],
  );
  if (completed === undefined) return;
  const facts = { archiveLocationId, key: stored.key, sha256: stored.sha256, verifiedAt: stored.verifiedAt };
  await audit(manager, 'package_archived', { table: 'raw_data_package', id: packageId }, facts);
}

async function recordCopy(
  manager: EntityManager,
  packageId: string,
  locationId: string,
  stored: StoredCopy,
): Promise<string> {
  const copy = await row<{ id: string }>(
    manager,
    `insert into physical_copy as old (id, raw_data_package_id, data_location_id, state, path, bytes, sha256, verified_at, version_id,
       etag, created_at)
     values ($1, $2, $3, 'present', $4, $5, $6, $7, $8, $9, now())
     on conflict (raw_data_package_id, data_location_id) do update set
       path = excluded.path, version_id = excluded.version_id, etag = excluded.etag,
       verified_at = case old.state when 'damaged' then null else greatest(old.verified_at, excluded.verified_at) end,
       doubted_at = case when excluded.verified_at > old.doubted_at then null else old.doubted_at end,
       doubt = case when excluded.verified_at > old.doubted_at then null else old.doubt end
     returning id`,
    [
      uniqueId(),
      packageId,
      locationId,
      stored.key,
      stored.bytes,
      stored.sha256,
      stored.verifiedAt,
      stored.versionId ?? null,
      stored.etag ?? null,
    ],
  );
  return copy?.id ?? '';
}

async function archiveLocation(manager: EntityManager, id: string): Promise<Location> {
  const location = await locationById(manager, id);
  if (location.locationType === 'long_term_archive') return location;
  throw new PermanentError(`${location.site}.${location.name} is no long-term archive`, {
    subject: location.name,
  });
}

export function provenance(entity: RawDataPackageEntity): Omit<Provenance, 'bytes' | 'sha256'> {
  return {
    site: entity.sourceLocation.site.shortName,
    sourceLocation: entity.sourceLocation.name,
    executedObsUnit: entity.executedObsUnit.name,
    instrumentModule: entity.instrumentModule.name,
    part: entity.part,
    fileCount: entity.fileCount,
    payloadBytes: entity.payloadBytes,
    createdAt: (entity.packagedAt ?? entity.createdAt).toISOString(),
    arrivedAt: entity.arrivedAt?.toISOString(),
  };
}
