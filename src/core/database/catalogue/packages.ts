import { In, type EntityManager } from 'typeorm';
import { PermanentError } from '../../exceptions.js';
import type { SourceEntry } from '../../package/package-result.js';
import { PACKAGE_STATES, type PackageState } from '../../states.js';
import { RawDataPackageEntity } from '../entities/raw-data-package.js';
import type { ArchivedPackageSummary, PackageOrder, PackageSummary, SourceProgress } from '../records.js';
import { rows } from './sql.js';
import { toLocation } from './topology.js';

const OF_SUMMARY = { sourceLocation: { site: true }, executedObsUnit: true, instrumentModule: true } as const;

/** @throws PermanentError if there is no such package */
export async function packageEntity(
  manager: EntityManager,
  packageId: string,
): Promise<RawDataPackageEntity> {
  const found = await manager.findOne(RawDataPackageEntity, {
    where: { id: packageId },
    relations: { ...OF_SUMMARY, bufferLocation: { site: true } },
  });
  if (found === null)
    throw new PermanentError(`the catalogue has no package ${packageId}`, { subject: packageId });
  return found;
}

/** A row as plain data; what it refers to must have been read with it. */
export function toSummary(entity: RawDataPackageEntity): PackageSummary {
  const { id, name, part, state, fileCount, payloadBytes, sourceLocation } = entity;
  return {
    id,
    name,
    executedObsUnit: entity.executedObsUnit.name,
    instrumentModule: entity.instrumentModule.name,
    part,
    state,
    fileCount,
    payloadBytes,
    bytes: entity.bytes ?? undefined,
    sha256: entity.sha256 ?? undefined,
    sourceLocation: { id: sourceLocation.id, site: sourceLocation.site.shortName, name: sourceLocation.name },
    createdAt: entity.createdAt.toISOString(),
    archivedAt: entity.archivedAt?.toISOString(),
    reason: entity.reason ?? undefined,
  };
}

export async function packageSummary(manager: EntityManager, packageId: string): Promise<PackageSummary> {
  return toSummary(await packageEntity(manager, packageId));
}

/** These packages, oldest first. */
export async function packageSummaries(manager: EntityManager, ids: string[]): Promise<PackageSummary[]> {
  const found = await manager.find(RawDataPackageEntity, {
    where: { id: In(ids) },
    relations: OF_SUMMARY,
    order: { createdAt: 'asc', id: 'asc' },
  });
  return found.map(toSummary);
}

export async function packageOrder(manager: EntityManager, packageId: string): Promise<PackageOrder> {
  const entity = await packageEntity(manager, packageId);
  const entries = await rows<SourceEntry>(
    manager,
    `select path, kind, size::float8 as size, mtime_ns as "mtimeNs", ctime_ns as "ctimeNs"
     from raw_data_file where raw_data_package_id = $1 order by path collate "C"`,
    [packageId],
  );
  return {
    package: toSummary(entity),
    source: toLocation(entity.sourceLocation),
    buffer: toLocation(entity.bufferLocation),
    entries,
  };
}

export async function packagesOfSource(
  manager: EntityManager,
  sourceLocationId: string,
): Promise<ArchivedPackageSummary[]> {
  const found = await manager.find(RawDataPackageEntity, {
    where: { sourceLocationId },
    relations: OF_SUMMARY,
    order: { createdAt: 'asc', id: 'asc' },
  });
  const copies = await rows<{
    packageId: string;
    location: string;
    bucket: string | null;
    key: string;
    verifiedAt: Date;
  }>(
    manager,
    `select distinct on (p.id) p.id as "packageId", s.short_name || '.' || l.name as location, l.bucket, c.path as key,
       c.verified_at as "verifiedAt"
     from raw_data_package p
     join physical_copy c on c.raw_data_package_id = p.id and c.state = 'present' and c.verified_at is not null
     join data_location l on l.id = c.data_location_id and l.location_type = 'long_term_archive'
     join site s on s.id = l.site_id
     where p.source_location_id = $1 order by p.id, c.created_at`,
    [sourceLocationId],
  );
  const archives = new Map(
    copies.map(({ packageId, location, bucket, key, verifiedAt }) => [
      packageId,
      { location, bucket: bucket ?? '', key, verifiedAt: verifiedAt.toISOString() },
    ]),
  );
  return found.map((entity) => ({ ...toSummary(entity), archive: archives.get(entity.id) }));
}

interface PackageTotals {
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

export async function sourceProgress(
  manager: EntityManager,
  sourceLocationId: string,
): Promise<SourceProgress> {
  // Packaged files are as many as the packages say: only what is still unfinished is counted file by file.
  const unfinished = await rows<{ state: 'registered' | 'refused'; entries: number; bytes: number }>(
    manager,
    `select state, count(*)::integer as entries, sum(size)::float8 as bytes from raw_data_file
     where source_location_id = $1 and state in ('registered', 'refused') group by state`,
    [sourceLocationId],
  );
  const totals = await rows<PackageTotals>(
    manager,
    `select state, count(*)::integer as packages, sum(file_count)::float8 as files, sum(payload_bytes)::float8 as "payloadBytes",
       coalesce(sum(bytes), 0)::float8 as bytes,
       coalesce(sum(file_count) filter (where packaged_at is not null), 0)::float8 as "madeFiles",
       coalesce(sum(payload_bytes) filter (where packaged_at is not null), 0)::float8 as "madeBytes",
       sum(freed_file_count)::float8 as "freedFiles", sum(freed_bytes)::float8 as "freedBytes"
     from raw_data_package where source_location_id = $1 group by state`,
    [sourceLocationId],
  );
  const waiting = (state: 'registered' | 'refused') =>
    unfinished.find((one) => one.state === state) ?? { entries: 0, bytes: 0 };
  const total = (of: (one: PackageTotals) => number) => totals.reduce((sum, one) => sum + of(one), 0);
  const packages = Object.fromEntries(
    PACKAGE_STATES.map((state) => [state, inState(totals, state)]),
  ) as SourceProgress['packages'];
  return {
    files: {
      registered: waiting('registered').entries,
      packaged: total((one) => one.madeFiles - one.freedFiles),
      refused: waiting('refused').entries,
      deleted: total((one) => one.freedFiles),
    },
    bytes: {
      registered: waiting('registered').bytes,
      packaged: total((one) => one.madeBytes - one.freedBytes),
      refused: waiting('refused').bytes,
      deleted: total((one) => one.freedBytes),
    },
    packages,
    copiesToDelete: await countCopiesToDelete(manager, sourceLocationId),
  };
}

function inState(totals: PackageTotals[], state: PackageState): SourceProgress['packages'][PackageState] {
  const found = totals.find((one) => one.state === state);
  if (found === undefined) return { packages: 0, files: 0, payloadBytes: 0, bytes: 0 };
  return {
    packages: found.packages,
    files: found.files,
    payloadBytes: found.payloadBytes,
    bytes: found.bytes,
  };
}

async function countCopiesToDelete(manager: EntityManager, sourceLocationId: string): Promise<number> {
  const [counted] = await rows<{ count: number }>(
    manager,
    `select (
       (select count(*) from raw_data_package p
        join physical_copy c on c.raw_data_package_id = p.id and c.state <> 'deleted'
        join data_location l on l.id = c.data_location_id and l.deletable and l.active and l.storage_type = 'disk'
        where p.source_location_id = $1 and p.state = 'archived')
       + (select count(*) from raw_data_package p join data_location l on l.id = p.source_location_id and l.deletable and l.active
          where p.source_location_id = $1 and p.state = 'archived' and p.source_freed_at is null)
     )::integer as count`,
    [sourceLocationId],
  );
  return counted?.count ?? 0;
}
