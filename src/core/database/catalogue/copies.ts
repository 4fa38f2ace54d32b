import type { EntityManager } from 'typeorm';
import { DeletionError, PermanentError } from '../../exceptions.js';
import type { PathText } from '../../utilities/path-text.js';
import { PhysicalCopyEntity } from '../entities/physical-copy.js';
import type { PhysicalCopy, SourceFile } from '../records.js';
import { audit } from './audit.js';
import { reconsider } from './deletion-queue.js';
import { oneOf } from './one-of.js';
import { packageEntity } from './packages.js';
import { changed, portions, row, rows, textHash } from './sql.js';
import { toLocation } from './topology.js';

export async function copiesOfPackage(manager: EntityManager, packageId: string): Promise<PhysicalCopy[]> {
  const found = await manager.find(PhysicalCopyEntity, {
    where: { rawDataPackageId: packageId },
    relations: { location: { site: true } },
    order: { createdAt: 'asc', id: 'asc' },
  });
  return found.map(toCopy);
}

export async function recordVerified(manager: EntityManager, copyId: string, at: string): Promise<void> {
  await copyEntity(manager, copyId);
  const newer = await row<{ packageId: string; doubted: boolean }>(
    manager,
    `update physical_copy c set verified_at = $2, doubted_at = null, doubt = null
     from (select id, doubted_at is not null as doubted from physical_copy where id = $1) before
     where c.id = before.id and (verified_at is null or verified_at < $2) and (doubted_at is null or doubted_at < $2)
       and state not in ('deleted', 'damaged')
     returning raw_data_package_id as "packageId", before.doubted`,
    [copyId, at],
  );
  if (newer === undefined) return;
  await audit(manager, 'copy_verified', { table: 'physical_copy', id: copyId }, { at });
  // Whoever asked is deleting; only a copy that counted for nothing until now changes what else may go.
  if (newer.doubted) await reconsider(manager, [newer.packageId]);
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
  if (sourceFreedAt === null && !(await sourceBegun(manager, packageId)))
    throw new DeletionError('the deletion of these files was not begun', {
      operation: 'deletion',
      subject: name,
    });
  const gone = await markDeleted(manager, packageId, paths);
  for (const some of portions(kept))
    await rows(
      manager,
      `update raw_data_file f set kept_reason = kept.reason from unnest($2::text[], $3::text[]) as kept (path_hash, reason)
       where f.raw_data_package_id = $1 and f.path_hash = kept.path_hash and f.state = 'packaged'`,
      [packageId, some.map((one) => textHash(one.path)), some.map((one) => one.reason)],
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

async function sourceBegun(manager: EntityManager, packageId: string): Promise<boolean> {
  const found = await row(
    manager,
    'select from package_deletion where raw_data_package_id = $1 and source_begun_at is not null',
    [packageId],
  );
  return found !== undefined;
}

async function markDeleted(manager: EntityManager, packageId: string, paths: PathText[]): Promise<Gone> {
  const all: Gone = { entries: 0, files: 0, bytes: 0 };
  for (const some of portions(paths)) {
    const gone = await row<Gone>(
      manager,
      `with gone as (
         update raw_data_file f set state = 'deleted', deleted_at = now(), kept_reason = null
         from raw_data_package p
         where p.id = $1 and f.source_location_id = p.source_location_id and f.path_hash = any($2)
           and f.raw_data_package_id = $1 and f.state = 'packaged' returning f.kind, f.size
       )
       select count(*)::integer as entries, count(*) filter (where kind = 'file')::integer as files,
         coalesce(sum(size), 0)::float8 as bytes from gone`,
      [packageId, some.map(textHash)],
    );
    all.entries += gone?.entries ?? 0;
    all.files += gone?.files ?? 0;
    all.bytes += gone?.bytes ?? 0;
  }
  return all;
}

export async function copyEntity(manager: EntityManager, copyId: string): Promise<PhysicalCopyEntity> {
  const found = await oneOf(manager, PhysicalCopyEntity, { id: copyId }, { location: { site: true } });
  if (found === undefined)
    throw new PermanentError(`the catalogue has no copy ${copyId}`, { subject: copyId });
  return found;
}

export function toCopy(entity: PhysicalCopyEntity): PhysicalCopy {
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
    createdAt: entity.createdAt.toISOString(),
    doubt:
      entity.doubt === null || entity.doubtedAt === null
        ? undefined
        : { words: entity.doubt, since: entity.doubtedAt.toISOString() },
  };
}
