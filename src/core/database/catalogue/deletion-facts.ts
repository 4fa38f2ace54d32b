import type { EntityManager } from 'typeorm';
import { PermanentError } from '../../exceptions.js';
import type { ChallengeFacts } from '../../policy/archive-evidence.js';
import type { DeletionFacts, DeletionTarget, Pressure } from '../../policy/deletion.js';
import type { DiskLevel } from '../../policy/disk-level.js';
import type { PhysicalCopyState } from '../../states.js';
import type { Location, PhysicalCopy } from '../records.js';
import { oneLook } from './one-look.js';
import { row } from './sql.js';
import { needInWords, STAGING_NEEDS, type StagingNeedRow } from './staged-copies.js';
import { TOPOLOGY, topologyOf, type TopologyRows } from './topology.js';

/** The catalogue's clock, also within a transaction that waited for others. */
export async function clock(manager: EntityManager): Promise<Date> {
  const answer = await row<{ now: Date }>(manager, 'select clock_timestamp() as now');
  if (answer === undefined) throw new PermanentError('the catalogue tells no time');
  return answer.now;
}

/**
 * What is known of packages for their deletion, in the order asked for, and the catalogue's time: all of it as of one moment. Whoever decides by it
 * has locked the rows before ({@link lockForDeletion}): what changes them comes before the look or after the decision.
 */
export async function lookAt(
  manager: EntityManager,
  packageIds: string[],
): Promise<{ facts: DeletionFacts[]; now: Date }> {
  const found = await look(manager, [packageIds]);
  const topology = topologyOf(found);
  const places = new Map(topology.locations.map((one) => [one.id, one]));
  const challenges = new Map(
    found.challenges.map(({ copyId, ...one }) => [copyId, { ...one, at: iso(one.at) }]),
  );
  const packages = new Map(found.packages.map((one) => [one.id, one]));
  const copies = byPackage(found.copies);
  const holds = byPackage(found.holds);
  const transfers = byPackage(found.transfers);
  const needs = byPackage(found.needs);
  const pressure = pressures(found.measurements);
  const facts = packageIds.map((id): DeletionFacts => {
    const of = known(packages, id);
    const own = copies(id).map((copy) => ({ ...copyOf(copy, places), challenge: challenges.get(copy.id) }));
    return {
      package: {
        id,
        name: of.name,
        observation: of.observation,
        state: of.state,
        archivedAt: isoOr(of.archivedAt),
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
        ...sourceTarget(of, places.get(of.sourceLocationId)),
      ],
      holds: holds(id).map(({ placedAt, ...one }) => ({ ...one, placedAt: iso(placedAt) })),
      journeys: {
        firstBufferId: of.bufferLocationId,
        openTransfers: transfers(id).map(({ createdAt, ...one }) => ({ ...one, since: iso(createdAt) })),
      },
      topology,
      neededBy: needs(id).map(needInWords),
      pressure,
    };
  });
  return { facts, now: new Date(found.clock[0]?.now ?? NaN) };
}

/** {@link lookAt} for whoever decides nothing by it. */
export async function deletionFacts(manager: EntityManager, packageIds: string[]): Promise<DeletionFacts[]> {
  return (await lookAt(manager, packageIds)).facts;
}

/** What of a package is due to be freed at a location, or was begun there. Whether it may go now is no matter of this. */
export async function dueAt(
  manager: EntityManager,
  packageId: string,
  location: Location,
): Promise<{ sourceFiles: boolean; copies: PhysicalCopy[] }> {
  const found = await lookForDue(manager, [[packageId]]);
  const of = known(new Map(found.packages.map((one) => [one.id, one])), packageId);
  const here = new Map([[location.id, location]]);
  const isDue = ({ state }: { state: PhysicalCopyState }) =>
    state === 'deletion_scheduled' || state === 'deletion_in_progress';
  return {
    sourceFiles: of.sourceLocationId === location.id && sourceTarget(of, location).some(isDue),
    copies: found.copies
      .filter((copy) => copy.locationId === location.id && isDue(copy))
      .map((copy) => copyOf(copy, here)),
  };
}

/** A measurement that is older says nothing of how full a disk is now. */
const PRESSURE_HOLDS_MS = 3_600_000;

/** How full the disks of locations are, as it was measured lately. */
function pressures(measured: Look['measurements'][]): Record<string, Pressure> {
  return Object.fromEntries(
    measured
      .filter(({ measuredAt }) => Date.now() - Date.parse(measuredAt) < PRESSURE_HOLDS_MS)
      .map(({ locationId, level }) => [locationId, level === 'ok' ? 'low' : level]),
  );
}

/** The rows of a look. Times are texts. */
interface Look extends TopologyRows {
  packages: {
    id: string;
    name: string;
    observation: string;
    state: DeletionFacts['package']['state'];
    archivedAt: string | null;
    createdAt: string;
    bytes: number | null;
    sha256: string | null;
    bufferLocationId: string;
    sourceLocationId: string;
    payloadLeft: number;
    sourceFreedAt: string | null;
    sourceDeleteAfter: string | null;
    sourceBegunAt: string | null;
  };
  copies: {
    id: string;
    packageId: string;
    locationId: string;
    state: PhysicalCopyState;
    path: string;
    bytes: number;
    sha256: string;
    verifiedAt: string | null;
    versionId: string | null;
    etag: string | null;
    deletedAt: string | null;
    deleteAfter: string | null;
    createdAt: string;
    doubt: string | null;
    doubtedAt: string | null;
  };
  challenges: { copyId: string; id: string; at: string; method: ChallengeFacts['method'] };
  holds: { packageId: string; reason: string; placedBy: string; placedAt: string };
  transfers: { packageId: string; originLocationId: string; destination: string; createdAt: string };
  needs: StagingNeedRow;
  measurements: { locationId: string; level: DiskLevel; measuredAt: string };
  clock: { now: string };
}

/** What is asked of the packages `$1`. */
const QUESTIONS: Record<keyof Look, string> = {
  ...TOPOLOGY,
  packages: `
    select p.id, p.name, u.name as observation, p.state, p.archived_at as "archivedAt", p.created_at as "createdAt",
      p.bytes::float8 as bytes, p.sha256, p.buffer_location_id as "bufferLocationId", p.source_location_id as "sourceLocationId",
      (p.payload_bytes - p.freed_bytes)::float8 as "payloadLeft", p.source_freed_at as "sourceFreedAt",
      d.source_delete_after as "sourceDeleteAfter", d.source_begun_at as "sourceBegunAt"
    from raw_data_package p join executed_obs_unit u on u.id = p.executed_obs_unit_id
    left join package_deletion d on d.raw_data_package_id = p.id where p.id = any($1::uuid[])`,
  copies: `
    select id, raw_data_package_id as "packageId", data_location_id as "locationId", state, path, bytes::float8 as bytes, sha256,
      verified_at as "verifiedAt", version_id as "versionId", etag, deleted_at as "deletedAt", delete_after as "deleteAfter",
      created_at as "createdAt", doubt, doubted_at as "doubtedAt"
    from physical_copy where raw_data_package_id = any($1::uuid[]) order by created_at, id`,
  // The last challenge of each archive copy that was answered well, and not found wanting since.
  challenges: `
    select c.id as "copyId", a.id, a.at, a.method from physical_copy c
    join lateral (select id, at, method from archive_challenge where physical_copy_id = c.id order by at desc limit 1) a on true
    where c.raw_data_package_id = any($1::uuid[])`,
  holds: `
    select p.id as "packageId", h.reason, h.placed_by as "placedBy", h.placed_at as "placedAt"
    from raw_data_package p join deletion_hold h
      on h.released_at is null and (h.raw_data_package_id = p.id or h.executed_obs_unit_id = p.executed_obs_unit_id)
    where p.id = any($1::uuid[]) order by h.placed_at`,
  transfers: `
    select i.raw_data_package_id as "packageId", t.origin_location_id as "originLocationId",
      s.short_name || '.' || l.name as destination, t.created_at as "createdAt"
    from data_transfer_item i join data_transfer t on t.id = i.data_transfer_id
    join data_location l on l.id = t.destination_location_id join site s on s.id = l.site_id
    where i.raw_data_package_id = any($1::uuid[]) and i.status = 'pending'`,
  needs: STAGING_NEEDS,
  measurements: `
    select data_location_id as "locationId", level, measured_at as "measuredAt" from location_measurement where condition = 'usable'`,
  clock: 'select clock_timestamp() as now',
};
const look = oneLook<Look>(QUESTIONS);
const lookForDue = oneLook<Pick<Look, 'packages' | 'copies'>>({
  packages: QUESTIONS.packages,
  copies: QUESTIONS.copies,
});

function known(packages: Map<string, Look['packages']>, id: string): Look['packages'] {
  const found = packages.get(id);
  if (found === undefined) throw new PermanentError(`the catalogue has no package ${id}`, { subject: id });
  return found;
}

/** The files of a package at its source, as one thing that may be deleted; what is over with them is told no more. */
function sourceTarget(of: Look['packages'], location: Location | undefined): DeletionTarget[] {
  if (location === undefined || of.sourceFreedAt !== null || of.state === 'failed') return [];
  return [
    {
      kind: 'source_files',
      id: of.id,
      location,
      state: sourceState(of),
      bytes: of.payloadLeft,
      since: iso(of.createdAt),
      deleteAfter: isoOr(of.sourceDeleteAfter),
    },
  ];
}

function sourceState(of: Look['packages']): PhysicalCopyState {
  if (of.sourceBegunAt !== null) return 'deletion_in_progress';
  return of.sourceDeleteAfter === null ? 'present' : 'deletion_scheduled';
}

function copyOf(
  { locationId, doubt, doubtedAt, ...copy }: Look['copies'],
  places: ReadonlyMap<string, Location>,
): PhysicalCopy {
  const location = places.get(locationId);
  if (location === undefined)
    throw new PermanentError(`the catalogue has no location ${locationId}`, { subject: copy.path });
  return {
    ...copy,
    location,
    verifiedAt: isoOr(copy.verifiedAt),
    versionId: copy.versionId ?? undefined,
    etag: copy.etag ?? undefined,
    deletedAt: isoOr(copy.deletedAt),
    deleteAfter: isoOr(copy.deleteAfter),
    createdAt: iso(copy.createdAt),
    doubt: doubt === null || doubtedAt === null ? undefined : { words: doubt, since: iso(doubtedAt) },
  };
}

/** Rows by their package. */
function byPackage<T extends { packageId: string }>(items: T[]): (packageId: string) => T[] {
  const found = new Map<string, T[]>();
  for (const item of items) found.set(item.packageId, [...(found.get(item.packageId) ?? []), item]);
  return (packageId) => found.get(packageId) ?? [];
}

/** A time of a look as ISO 8601, in milliseconds. */
function iso(time: string): string {
  return new Date(time).toISOString();
}

function isoOr(time: string | null): string | undefined {
  return time === null ? undefined : iso(time);
}
