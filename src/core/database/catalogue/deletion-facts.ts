import { In, type EntityManager } from 'typeorm';
import { PermanentError } from '../../exceptions.js';
import type { ChallengeFacts } from '../../policy/archive-evidence.js';
import type { DeletionFacts, DeletionTarget, Hold, Pressure } from '../../policy/deletion.js';
import type { JourneyFacts } from '../../policy/redundancy.js';
import type { PhysicalCopyState } from '../../states.js';
import { PhysicalCopyEntity } from '../entities/physical-copy.js';
import type { Location, PhysicalCopy } from '../records.js';
import { toCopy } from './copies.js';
import { measurements } from './measurements.js';
import { row, rows } from './sql.js';
import { stagingNeeds } from './staged-copies.js';
import { locations as allLocations, routes as allRoutes } from './topology.js';

/** The catalogue's clock, also within a transaction that waited for others. */
export async function clock(manager: EntityManager): Promise<Date> {
  const answer = await row<{ now: Date }>(manager, 'select clock_timestamp() as now');
  if (answer === undefined) throw new PermanentError('the catalogue tells no time');
  return answer.now;
}

/** What is known of packages for their deletion, in the order asked for. */
export async function deletionFacts(manager: EntityManager, packageIds: string[]): Promise<DeletionFacts[]> {
  const packages = await packageRows(manager, packageIds);
  const topology = { locations: await allLocations(manager), routes: await allRoutes(manager) };
  const copies = await copiesOf(manager, packageIds);
  const challenges = await latestChallenges(manager, packageIds);
  const holds = await holdsOn(manager, packageIds);
  const transfers = await openTransfers(manager, packageIds);
  const staging = await stagingNeeds(manager, packageIds);
  const pressure = await pressures(manager);
  const sources = new Map(topology.locations.map((one) => [one.id, one]));
  return packageIds.map((id) => {
    const of = known(packages, id);
    const own = (copies.get(id) ?? []).map((copy) => ({ ...copy, challenge: challenges.get(copy.id) }));
    return {
      package: {
        id,
        name: of.name,
        observation: of.observation,
        state: of.state,
        archivedAt: of.archivedAt?.toISOString(),
        bytes: of.bytes ?? undefined,
        sha256: of.sha256 ?? undefined,
      },
      copies: own,
      targets: [
        ...own.map(({ createdAt, location, state, bytes, deleteAfter, id: copyId }): DeletionTarget => ({
          kind: 'copy',
          id: copyId,
          location,
          state,
          bytes,
          since: createdAt,
          deleteAfter,
        })),
        ...sourceTarget(of, sources.get(of.sourceLocationId)),
      ],
      holds: holds.get(id) ?? [],
      journeys: { firstBufferId: of.bufferLocationId, openTransfers: transfers.get(id) ?? [] },
      topology,
      neededBy: staging.get(id) ?? [],
      pressure,
    };
  });
}

/** What of a package is due to be freed at a location, or was begun there. Whether it may go now is no matter of this. */
export async function dueAt(
  manager: EntityManager,
  packageId: string,
  location: Location,
): Promise<{ sourceFiles: boolean; copies: PhysicalCopy[] }> {
  const of = known(await packageRows(manager, [packageId]), packageId);
  const isDue = ({ state }: { state: PhysicalCopyState }) =>
    state === 'deletion_scheduled' || state === 'deletion_in_progress';
  const copies = (await copiesOf(manager, [packageId])).get(packageId) ?? [];
  return {
    sourceFiles: of.sourceLocationId === location.id && sourceTarget(of, location).some(isDue),
    copies: copies.filter((copy) => copy.location.id === location.id && isDue(copy)),
  };
}

/** A measurement that is older says nothing of how full a disk is now. */
const PRESSURE_HOLDS_MS = 3_600_000;

/** How full the disks of locations are, as it was measured lately. */
async function pressures(manager: EntityManager): Promise<Record<string, Pressure>> {
  const lately = (await measurements(manager)).filter(
    (one) => one.condition === 'usable' && Date.now() - Date.parse(one.measuredAt) < PRESSURE_HOLDS_MS,
  );
  return Object.fromEntries(
    lately.map(({ locationId, level }) => [locationId, level === 'ok' ? 'low' : level]),
  );
}

interface PackageRow {
  id: string;
  name: string;
  observation: string;
  state: DeletionFacts['package']['state'];
  archivedAt: Date | null;
  createdAt: Date;
  bytes: number | null;
  sha256: string | null;
  bufferLocationId: string;
  sourceLocationId: string;
  payloadLeft: number;
  sourceFreedAt: Date | null;
  sourceDeleteAfter: Date | null;
  sourceBegunAt: Date | null;
}

async function packageRows(manager: EntityManager, packageIds: string[]): Promise<Map<string, PackageRow>> {
  const found = await rows<PackageRow>(
    manager,
    `select p.id, p.name, u.name as observation, p.state, p.archived_at as "archivedAt", p.created_at as "createdAt",
       p.bytes::float8 as bytes, p.sha256, p.buffer_location_id as "bufferLocationId", p.source_location_id as "sourceLocationId",
       (p.payload_bytes - p.freed_bytes)::float8 as "payloadLeft", p.source_freed_at as "sourceFreedAt",
       d.source_delete_after as "sourceDeleteAfter", d.source_begun_at as "sourceBegunAt"
     from raw_data_package p join executed_obs_unit u on u.id = p.executed_obs_unit_id
     left join package_deletion d on d.raw_data_package_id = p.id where p.id = any($1::uuid[])`,
    [packageIds],
  );
  return new Map(found.map((one) => [one.id, one]));
}

function known(packages: Map<string, PackageRow>, id: string): PackageRow {
  const found = packages.get(id);
  if (found === undefined) throw new PermanentError(`the catalogue has no package ${id}`, { subject: id });
  return found;
}

/** The files of a package at its source, as one thing that may be deleted; what is over with them is told no more. */
function sourceTarget(of: PackageRow, location: Location | undefined): DeletionTarget[] {
  if (location === undefined || of.sourceFreedAt !== null || of.state === 'failed') return [];
  return [
    {
      kind: 'source_files',
      id: of.id,
      location,
      state: sourceState(of),
      bytes: of.payloadLeft,
      since: of.createdAt.toISOString(),
      deleteAfter: of.sourceDeleteAfter?.toISOString(),
    },
  ];
}

function sourceState(of: PackageRow): PhysicalCopyState {
  if (of.sourceBegunAt !== null) return 'deletion_in_progress';
  return of.sourceDeleteAfter === null ? 'present' : 'deletion_scheduled';
}

async function copiesOf(
  manager: EntityManager,
  packageIds: string[],
): Promise<Map<string, ReturnType<typeof toCopy>[]>> {
  const found = await manager.find(PhysicalCopyEntity, {
    where: { rawDataPackageId: In(packageIds) },
    relations: { location: { site: true } },
    order: { createdAt: 'asc', id: 'asc' },
  });
  return byKey(found.map(toCopy), (copy) => copy.packageId);
}

/** The last challenge of each archive copy that was answered well, and not found wanting since. */
async function latestChallenges(
  manager: EntityManager,
  packageIds: string[],
): Promise<Map<string, ChallengeFacts>> {
  const found = await rows<{ copyId: string; id: string; at: Date; method: ChallengeFacts['method'] }>(
    manager,
    `select c.id as "copyId", a.id, a.at, a.method from physical_copy c
     join lateral (select id, at, method from archive_challenge where physical_copy_id = c.id order by at desc limit 1) a on true
     where c.raw_data_package_id = any($1::uuid[])`,
    [packageIds],
  );
  return new Map(found.map(({ copyId, id, at, method }) => [copyId, { id, at: at.toISOString(), method }]));
}

async function holdsOn(manager: EntityManager, packageIds: string[]): Promise<Map<string, Hold[]>> {
  const found = await rows<{ packageId: string; reason: string; placedBy: string; placedAt: Date }>(
    manager,
    `select p.id as "packageId", h.reason, h.placed_by as "placedBy", h.placed_at as "placedAt"
     from raw_data_package p join deletion_hold h
       on h.released_at is null and (h.raw_data_package_id = p.id or h.executed_obs_unit_id = p.executed_obs_unit_id)
     where p.id = any($1::uuid[]) order by h.placed_at`,
    [packageIds],
  );
  const holds = found.map(({ placedAt, ...one }) => ({ ...one, placedAt: placedAt.toISOString() }));
  return byKey(holds, (one) => one.packageId);
}

async function openTransfers(
  manager: EntityManager,
  packageIds: string[],
): Promise<Map<string, JourneyFacts['openTransfers']>> {
  const found = await rows<{
    packageId: string;
    originLocationId: string;
    destination: string;
    createdAt: Date;
  }>(
    manager,
    `select i.raw_data_package_id as "packageId", t.origin_location_id as "originLocationId",
       s.short_name || '.' || l.name as destination, t.created_at as "createdAt"
     from data_transfer_item i join data_transfer t on t.id = i.data_transfer_id
     join data_location l on l.id = t.destination_location_id join site s on s.id = l.site_id
     where i.raw_data_package_id = any($1::uuid[]) and i.status = 'pending'`,
    [packageIds],
  );
  const transfers = found.map(({ createdAt, ...one }) => ({ ...one, since: createdAt.toISOString() }));
  return byKey(transfers, (one) => one.packageId);
}

function byKey<T>(items: T[], key: (item: T) => string): Map<string, T[]> {
  const found = new Map<string, T[]>();
  for (const item of items) found.set(key(item), [...(found.get(key(item)) ?? []), item]);
  return found;
}
