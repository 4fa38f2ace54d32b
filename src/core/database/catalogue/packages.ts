import { In, type EntityManager } from 'typeorm';
import { PermanentError } from '../../exceptions.js';
import type { SourceEntry } from '../../package/package-result.js';
import { PACKAGE_STATES, type PackageState } from '../../states.js';
import { RawDataPackageEntity } from '../entities/raw-data-package.js';
import type { ArchivedPackageSummary, PackageOrder, PackageSummary, SourceProgress } from '../records.js';
import { oneOf } from './one-of.js';
import { rows } from './sql.js';
import { packageTotals, type PackageTotals } from './tallies.js';
import { toLocation } from './topology.js';

const OF_SUMMARY = { sourceLocation: { site: true }, executedObsUnit: true, instrumentModule: true } as const;

/** @throws PermanentError if there is no such package */
export async function packageEntity(
  manager: EntityManager,
  packageId: string,
): Promise<RawDataPackageEntity> {
  const relations = { ...OF_SUMMARY, bufferLocation: { site: true } };
  const found = await oneOf(manager, RawDataPackageEntity, { id: packageId }, relations);
  if (found === undefined)
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

/** Packages read together, so that no statement grows with the catalogue. */
const PAGE = 1000;

export async function packagesOfSource(
  manager: EntityManager,
  sourceLocationId: string,
): Promise<ArchivedPackageSummary[]> {
  const found: ArchivedPackageSummary[] = [];
  for (let last = FIRST_ID; ;) {
    const page = await rows<{ id: string }>(
      manager,
      `select id from raw_data_package where source_location_id = $1 and id > $2 order by id limit ${PAGE}`,
      [sourceLocationId, last],
    );
    const ids = page.map(({ id }) => id);
    found.push(...(await withArchives(manager, ids)));
    if (page.length < PAGE) return found;
    last = ids.at(-1) ?? last;
  }
}

/** Which of the latest packages are wanted. */
export interface LatestPackages {
  /** At most so many. */
  limit: number;
  /** Name of a package: only such that were planned before it. */
  before?: string;
}

/** @throws PermanentError if there is no package `before` */
export async function latestPackages(
  manager: EntityManager,
  { limit, before }: LatestPackages,
): Promise<ArchivedPackageSummary[]> {
  const [from] =
    before === undefined
      ? []
      : await rows<{ id: string }>(manager, 'select id from raw_data_package where name = $1', [before]);
  if (before !== undefined && from === undefined)
    throw new PermanentError(`the catalogue has no package ${before}`, { subject: before });
  const page = await rows<{ id: string }>(
    manager,
    from === undefined
      ? 'select id from raw_data_package order by created_at desc, id desc limit $1'
      : `select id from raw_data_package
         where (created_at, id) < (select created_at, id from raw_data_package where id = $2)
         order by created_at desc, id desc limit $1`,
    from === undefined ? [limit] : [limit, from.id],
  );
  const ids = page.map(({ id }) => id);
  return (await withArchives(manager, ids)).reverse();
}

/** These packages, oldest first, each with its first verified archive copy. */
async function withArchives(manager: EntityManager, ids: string[]): Promise<ArchivedPackageSummary[]> {
  const archives = await firstArchives(manager, ids);
  const summaries = await packageSummaries(manager, ids);
  return summaries.map((one) => ({ ...one, archive: archives.get(one.id) }));
}

const FIRST_ID = '00000000-0000-0000-0000-000000000000';

/** Of each package its first verified archive copy. */
async function firstArchives(
  manager: EntityManager,
  packageIds: string[],
): Promise<Map<string, NonNullable<ArchivedPackageSummary['archive']>>> {
  const copies = await rows<{
    packageId: string;
    location: string;
    bucket: string | null;
    key: string;
    verifiedAt: Date;
  }>(
    manager,
    `select distinct on (c.raw_data_package_id) c.raw_data_package_id as "packageId", s.short_name || '.' || l.name as location, l.bucket,
       c.path as key, c.verified_at as "verifiedAt"
     from physical_copy c join data_location l on l.id = c.data_location_id and l.location_type = 'long_term_archive'
     join site s on s.id = l.site_id
     where c.raw_data_package_id = any($1::uuid[]) and c.state = 'present' and c.verified_at is not null
     order by c.raw_data_package_id, c.created_at`,
    [packageIds],
  );
  return new Map(
    copies.map(({ packageId, location, bucket, key, verifiedAt }) => [
      packageId,
      { location, bucket: bucket ?? '', key, verifiedAt: verifiedAt.toISOString() },
    ]),
  );
}

/** Names of the packages of a source that are on their way into an archive, oldest first. */
export async function packagesUnderWay(manager: EntityManager, sourceLocationId: string): Promise<string[]> {
  const found = await rows<{ name: string }>(
    manager,
    `select name from raw_data_package
     where source_location_id = $1 and state in ('creating', 'waiting', 'transferring', 'arrived') order by created_at`,
    [sourceLocationId],
  );
  return found.map(({ name }) => name);
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
  const totals = await packageTotals(manager, sourceLocationId);
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
  // By the few copies that are left at places that may be emptied, asked for by their IDs; never by all packages of the source.
  const places = await rows<{ id: string }>(
    manager,
    `select id from data_location where deletable and active and storage_type = 'disk'`,
  );
  const [counted] = await rows<{ count: number }>(
    manager,
    `select (
       (select count(*) from physical_copy c where c.data_location_id = any($2::uuid[]) and c.state <> 'deleted'
          and (select p.source_location_id = $1 and p.state = 'archived' from raw_data_package p where p.id = c.raw_data_package_id))
       + (select count(*) from raw_data_package p join data_location l on l.id = p.source_location_id and l.deletable and l.active
          where p.source_location_id = $1 and p.state = 'archived' and p.source_freed_at is null)
     )::integer as count`,
    [sourceLocationId, places.map(({ id }) => id)],
  );
  return counted?.count ?? 0;
}
