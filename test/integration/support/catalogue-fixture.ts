import { createHash } from 'node:crypto';
import type { Catalogue } from '../../../src/core/database/catalogue.js';
import type { PackagingPlan } from '../../../src/core/database/catalogue/package-planning.js';
import type { FoundEntry, Location, PlannedPackage, Topology } from '../../../src/core/database/records.js';
import type { PackageResult, RefusedEntry } from '../../../src/core/package/package-result.js';

export const QUIET_SECONDS = 60;
export const WAIT_SECONDS = 600;

/** A small observatory: one source and two sites, all on disk but the archive. */
export function topology(options: { sourceDeletable?: boolean } = {}): Topology {
  const common = { priority: 1, active: true };
  const disk = { ...common, storageType: 'disk' as const };
  return {
    sites: [
      { shortName: 'ccat', name: 'CCAT' },
      { shortName: 'cologne', name: 'Cologne' },
    ],
    locations: [
      {
        ...disk,
        site: 'ccat',
        name: 'chai',
        locationType: 'source',
        path: '/data/chai',
        deletable: options.sourceDeletable ?? true,
      },
      { ...disk, site: 'ccat', name: 'buffer', locationType: 'buffer', path: '/data/ccat', deletable: true },
      {
        ...disk,
        site: 'cologne',
        name: 'buffer',
        locationType: 'buffer',
        path: '/data/cologne',
        deletable: true,
      },
      {
        ...common,
        site: 'cologne',
        name: 'lta',
        locationType: 'long_term_archive',
        storageType: 's3',
        bucket: 'archive',
        deletable: false,
      },
    ],
    routes: [
      {
        ...common,
        name: 'ccat-cologne',
        origin: 'ccat',
        destination: 'cologne',
        routeType: 'direct',
        transport: 'local',
        options: { directory: '/data/cologne' },
      },
    ],
  };
}

export interface Observatory {
  source: Location;
  buffer: Location;
  arrival: Location;
  archive: Location;
}

export async function observatory(
  catalogue: Catalogue,
  options?: { sourceDeletable?: boolean },
): Promise<Observatory> {
  await catalogue.ensureTopology(topology(options));
  return placesOf(catalogue);
}

/** The places of an observatory that is there. */
export async function placesOf(catalogue: Catalogue): Promise<Observatory> {
  return {
    source: await catalogue.location('ccat', 'chai'),
    buffer: await catalogue.location('ccat', 'buffer'),
    arrival: await catalogue.location('cologne', 'buffer'),
    archive: await catalogue.location('cologne', 'lta'),
  };
}

/** A quiet file of observation `obs-1`, unless told otherwise. */
export function entry(path: string, changes: Partial<FoundEntry> = {}): FoundEntry {
  const [unit = ''] = path.split('/');
  const stat = {
    kind: 'file' as const,
    size: 100,
    mtimeNs: '1700000000000000001',
    ctimeNs: '1700000000000000002',
  };
  return { path, executedObsUnit: unit, instrumentModule: 'CHAI', quiet: true, ...stat, ...changes };
}

export function planPackages(
  catalogue: Catalogue,
  { source, buffer }: Observatory,
  changes: Partial<
    Pick<PackagingPlan, 'maxBytes' | 'maxFiles' | 'waitSeconds' | 'executionQuietSeconds' | 'limit'>
  > = {},
): Promise<PlannedPackage[]> {
  const limits = {
    maxBytes: 1e9,
    maxFiles: 1000,
    waitSeconds: WAIT_SECONDS,
    executionQuietSeconds: 3600,
    limit: 100,
  };
  return catalogue.planRawDataPackages({
    sourceLocationId: source.id,
    bufferLocationId: buffer.id,
    ...limits,
    ...changes,
  });
}

export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** What packaging would leave for a package, with some of its entries refused. */
export async function resultOf(
  catalogue: Catalogue,
  packageId: string,
  refused: RefusedEntry[] = [],
): Promise<PackageResult> {
  const order = await catalogue.packageOrder(packageId);
  const out = new Set(refused.map(({ path }) => path));
  const members = order.entries
    .filter(({ path }) => !out.has(path))
    .map((one) => (one.kind === 'file' ? { ...one, sha256: sha256(one.path) } : one));
  const files = members.filter(({ kind }) => kind === 'file');
  return {
    version: 1,
    name: `${order.package.name}.tar`,
    bytes: 10_240,
    sha256: sha256(order.package.name),
    fileCount: files.length,
    payloadBytes: files.reduce((sum, { size }) => sum + size, 0),
    members,
    refused,
    createdAt: new Date().toISOString(),
  };
}

/** Registers these entries and takes them as far as a made package in the first buffer; answers with the packages' ids. */
export async function packaged(
  catalogue: Catalogue,
  at: Observatory,
  entries: FoundEntry[],
): Promise<string[]> {
  await catalogue.registerEntries(at.source.id, entries, QUIET_SECONDS);
  const planned = await planPackages(catalogue, at);
  for (const { id } of planned) await catalogue.recordPackageCreated(id, await resultOf(catalogue, id));
  return planned.map(({ id }) => id);
}

/** Takes all waiting packages to the arrival buffer. */
export async function arrived(catalogue: Catalogue, { buffer }: Observatory): Promise<void> {
  const transfers = await catalogue.planDataTransfers({
    bufferLocationId: buffer.id,
    maxPackages: 50,
    maxBytes: 1e12,
  });
  for (const { id } of transfers) {
    const { packages } = await catalogue.transferOrder(id);
    await catalogue.recordArrival(
      id,
      packages.map((one) => ({ packageId: one.id, bytes: one.bytes, sha256: one.sha256 })),
      [],
    );
  }
}

/** What an archive says of a package that it has stored and read back. */
export async function storedIn(catalogue: Catalogue, at: Observatory, packageId: string) {
  const { package: one } = await catalogue.archiveOrder(packageId, at.archive.id);
  return {
    key: `raw/${one.name}.tar`,
    bytes: one.bytes ?? 0,
    sha256: one.sha256 ?? '',
    verifiedAt: new Date().toISOString(),
  };
}

/** Records an arrived package as archived and read back. */
export async function archive(catalogue: Catalogue, at: Observatory, packageId: string): Promise<void> {
  await catalogue.recordArchived(packageId, at.archive.id, await storedIn(catalogue, at, packageId));
}
