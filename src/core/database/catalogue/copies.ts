import type { EntityManager } from 'typeorm';
import { DeletionError, PermanentError } from '../../exceptions.js';
import type { JourneyFacts } from '../../policy/redundancy.js';
import type { PathText } from '../../utilities/path-text.js';
import { PhysicalCopyEntity } from '../entities/physical-copy.js';
import type { PhysicalCopy, SourceFile } from '../records.js';
import { audit } from './audit.js';
import { packageEntity } from './packages.js';
import { changed, row, rows, textHash } from './sql.js';
import { toLocation } from './topology.js';

export async function copiesOfPackage(manager: EntityManager, packageId: string): Promise<PhysicalCopy[]> {
  const found = await manager.find(PhysicalCopyEntity, {
    where: { rawDataPackageId: packageId },
    relations: { location: { site: true } },
    order: { createdAt: 'asc', id: 'asc' },
  });
  return found.map(toCopy);
}

/** What a package's copies may still be needed for. */
export async function journeysOfPackage(manager: EntityManager, packageId: string): Promise<JourneyFacts> {
  const { bufferLocationId } = await packageEntity(manager, packageId);
  const openTransfers = await rows<JourneyFacts['openTransfers'][number]>(
    manager,
    `select t.origin_location_id as "originLocationId", s.short_name || '.' || l.name as destination
     from data_transfer_item i join data_transfer t on t.id = i.data_transfer_id
     join data_location l on l.id = t.destination_location_id join site s on s.id = l.site_id
     where i.raw_data_package_id = $1 and i.status = 'pending'`,
    [packageId],
  );
  return { firstBufferId: bufferLocationId, openTransfers };
}

export async function recordVerified(manager: EntityManager, copyId: string, at: string): Promise<void> {
  await copyEntity(manager, copyId);
  const newer = await changed(
    manager,
    `update physical_copy set verified_at = $2 where id = $1 and (verified_at is null or verified_at < $2) and state <> 'deleted'`,
    [copyId, at],
  );
  if (newer > 0) await audit(manager, 'copy_verified', { table: 'physical_copy', id: copyId }, { at });
}

export async function beginDeletion(manager: EntityManager, copyId: string): Promise<void> {
  const { location } = await copyEntity(manager, copyId);
  if (!location.deletable || location.locationType === 'long_term_archive') {
    throw new DeletionError(`copies at ${location.site.shortName}.${location.name} are not to be deleted`, {
      operation: 'deletion',
      subject: copyId,
    });
  }
  await rows(
    manager,
    `update physical_copy set state = 'deletion_scheduled', delete_after = now()
     where id = $1 and state not in ('deletion_scheduled', 'deletion_in_progress', 'deleted')`,
    [copyId],
  );
  const begun = await changed(
    manager,
    `update physical_copy set state = 'deletion_in_progress', delete_after = null where id = $1 and state = 'deletion_scheduled'`,
    [copyId],
  );
  if (begun > 0) await audit(manager, 'copy_deletion_begun', { table: 'physical_copy', id: copyId });
}

export async function recordCopyDeleted(manager: EntityManager, copyId: string): Promise<void> {
  const deleted = await changed(
    manager,
    `update physical_copy set state = 'deleted', deleted_at = now() where id = $1 and state = 'deletion_in_progress'`,
    [copyId],
  );
  if (deleted > 0) {
    await audit(manager, 'copy_deleted', { table: 'physical_copy', id: copyId });
    return;
  }
  const { state } = await copyEntity(manager, copyId);
  if (state === 'deleted') return;
  throw new DeletionError(`the deletion of this copy was not begun: it is ${state}`, {
    operation: 'deletion',
    subject: copyId,
  });
}

export async function sourceFilesToDelete(manager: EntityManager, packageId: string): Promise<SourceFile[]> {
  const { archivedAt, sourceLocation } = await packageEntity(manager, packageId);
  if (archivedAt === null || !sourceLocation.deletable) return [];
  const found = await rows<Omit<SourceFile, 'sha256'> & { sha256: string | null }>(
    manager,
    `select path, kind, size::float8 as size, mtime_ns as "mtimeNs", ctime_ns as "ctimeNs", sha256
     from raw_data_file where raw_data_package_id = $1 and state = 'packaged' order by path collate "C"`,
    [packageId],
  );
  return found.map((file) => ({ ...file, sha256: file.sha256 ?? undefined }));
}

export async function recordSourceFilesDeleted(
  manager: EntityManager,
  packageId: string,
  paths: PathText[],
  kept: { path: PathText; reason: string }[],
): Promise<void> {
  await rows(manager, 'select from raw_data_package where id = $1 for update', [packageId]);
  const { archivedAt, name, sourceFreedAt } = await packageEntity(manager, packageId);
  if (archivedAt === null)
    throw new DeletionError('files of a package that is not archived are not to be deleted', {
      operation: 'deletion',
      subject: name,
    });
  const gone = await markDeleted(manager, packageId, paths);
  await rows(
    manager,
    `update raw_data_file f set kept_reason = kept.reason from unnest($2::text[], $3::text[]) as kept (path_hash, reason)
     where f.raw_data_package_id = $1 and f.path_hash = kept.path_hash and f.state = 'packaged'`,
    [packageId, kept.map((one) => textHash(one.path)), kept.map((one) => one.reason)],
  );
  await rows(
    manager,
    `update raw_data_package set freed_file_count = freed_file_count + $2, freed_bytes = freed_bytes + $3,
       source_freed_at = case when exists (
         select from raw_data_file where raw_data_package_id = $1 and state = 'packaged' and kept_reason is null
       ) then source_freed_at else coalesce(source_freed_at, now()) end
     where id = $1`,
    [packageId, gone.files, gone.bytes],
  );
  if (gone.entries === 0 && sourceFreedAt !== null) return;
  const facts = { deleted: gone.entries, bytes: gone.bytes, kept: kept.length };
  await audit(manager, 'source_files_deleted', { table: 'raw_data_package', id: packageId }, facts);
}

interface Gone {
  entries: number;
  files: number;
  bytes: number;
}

async function markDeleted(manager: EntityManager, packageId: string, paths: PathText[]): Promise<Gone> {
  const gone = await row<Gone>(
    manager,
    `with gone as (
       update raw_data_file set state = 'deleted', deleted_at = now(), kept_reason = null
       where raw_data_package_id = $1 and path_hash = any($2) and state = 'packaged' returning kind, size
     )
     select count(*)::integer as entries, count(*) filter (where kind = 'file')::integer as files,
       coalesce(sum(size), 0)::float8 as bytes from gone`,
    [packageId, paths.map(textHash)],
  );
  return gone ?? { entries: 0, files: 0, bytes: 0 };
}

async function copyEntity(manager: EntityManager, copyId: string): Promise<PhysicalCopyEntity> {
  const found = await manager.findOne(PhysicalCopyEntity, {
    where: { id: copyId },
    relations: { location: { site: true } },
  });
  if (found === null) throw new PermanentError(`the catalogue has no copy ${copyId}`, { subject: copyId });
  return found;
}

function toCopy(entity: PhysicalCopyEntity): PhysicalCopy {
  return {
    id: entity.id,
    packageId: entity.rawDataPackageId,
    location: toLocation(entity.location),
    state: entity.state,
    path: entity.path,
    bytes: entity.bytes,
    sha256: entity.sha256,
    verifiedAt: entity.verifiedAt?.toISOString(),
    versionId: entity.versionId ?? undefined,
    etag: entity.etag ?? undefined,
    deletedAt: entity.deletedAt?.toISOString(),
    deleteAfter: entity.deleteAfter?.toISOString(),
  };
}
