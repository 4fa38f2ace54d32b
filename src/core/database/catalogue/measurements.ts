import type { EntityManager } from 'typeorm';
import type { DiskCondition, DiskFacts } from '../../policy/buffer-space.js';
import {
  diskLevel,
  fillRate,
  fullAt,
  type DiskLevel,
  type DiskRules,
  type DiskSpace,
  type FillSample,
} from '../../policy/disk-level.js';
import { LocationMeasurementEntity } from '../entities/location-measurement.js';
import { lock, row, rows } from './sql.js';

/** What looking at the disk of a location found. */
export interface NewMeasurement {
  condition: DiskCondition;
  /** Why it can't be used; set where it can't. */
  reason?: string;
  space: DiskSpace;
  /** ISO 8601. */
  measuredAt: string;
}

/** How full a location is, as it was measured last. Times are ISO 8601. */
export interface Measurement extends NewMeasurement {
  locationId: string;
  level: DiskLevel;
  levelSince: string;
  /** By which it fills; below 0 it empties. */
  bytesPerSecond?: number;
  /** When it is full if it goes on so. */
  fullAt?: string;
}

/** How disks are judged: what the settings say of each location, by its ID. */
export type DiskPolicy = ReadonlyMap<string, { rules: DiskRules; staleSeconds: number }>;

/** Records a measurement and the level that follows from it; what it was before, where it was measured before. */
export async function recordMeasurement(
  manager: EntityManager,
  locationId: string,
  found: NewMeasurement,
  options: { rules: DiskRules; rateWindowSeconds: number },
): Promise<{ before?: Measurement; now: Measurement }> {
  await lock(manager, `measurement ${locationId}`);
  const [before] = await measurements(manager, locationId);
  // Two rounds may have overlapped: the later look counts.
  if (before !== undefined && before.measuredAt >= found.measuredAt) return { before, now: before };
  const usable = found.condition === 'usable';
  const level = usable ? diskLevel(found.space, options.rules, before?.level) : (before?.level ?? 'ok');
  const levelSince = before?.level === level ? before.levelSince : found.measuredAt;
  const bytesPerSecond = usable ? await recordFill(manager, locationId, found, options) : undefined;
  const { totalBytes, freeBytes, totalInodes, freeInodes } = found.space;
  await rows(
    manager,
    `insert into location_measurement (data_location_id, measured_at, condition, reason, total_bytes, free_bytes, total_inodes,
       free_inodes, level, level_since, bytes_per_second)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
     on conflict (data_location_id) do update set measured_at = excluded.measured_at, condition = excluded.condition,
       reason = excluded.reason, total_bytes = excluded.total_bytes, free_bytes = excluded.free_bytes,
       total_inodes = excluded.total_inodes, free_inodes = excluded.free_inodes, level = excluded.level,
       level_since = excluded.level_since, bytes_per_second = excluded.bytes_per_second`,
    [
      ...[locationId, found.measuredAt, found.condition, found.reason ?? null],
      ...[totalBytes, freeBytes, totalInodes, freeInodes, level, levelSince, bytesPerSecond ?? null],
    ],
  );
  const [now] = await measurements(manager, locationId);
  return { before, now: now as Measurement };
}

/** Keeps what the disk holds for as long as a rate looks back, and tells the rate. */
async function recordFill(
  manager: EntityManager,
  locationId: string,
  { space, measuredAt }: NewMeasurement,
  { rateWindowSeconds }: { rateWindowSeconds: number },
): Promise<number | undefined> {
  await rows(
    manager,
    'insert into location_fill (data_location_id, measured_at, used_bytes) values ($1, $2, $3) on conflict do nothing',
    [locationId, measuredAt, space.totalBytes - space.freeBytes],
  );
  await rows(
    manager,
    'delete from location_fill where data_location_id = $1 and measured_at < $2::timestamptz - make_interval(secs => $3)',
    [locationId, measuredAt, rateWindowSeconds],
  );
  const samples = await rows<FillSample>(
    manager,
    `select (extract(epoch from measured_at) * 1000)::float8 as at, used_bytes::float8 as "usedBytes"
     from location_fill where data_location_id = $1 order by measured_at`,
    [locationId],
  );
  return fillRate(samples);
}

/** The last measurement of each location that was ever measured, or of one. */
export async function measurements(manager: EntityManager, locationId?: string): Promise<Measurement[]> {
  const found = await manager.find(LocationMeasurementEntity, {
    where: locationId === undefined ? {} : { dataLocationId: locationId },
  });
  return found.map((one) => {
    const { totalBytes, freeBytes, totalInodes, freeInodes } = one;
    const space = { totalBytes, freeBytes, totalInodes, freeInodes };
    const full = fullAt(space, one.bytesPerSecond ?? undefined, one.measuredAt.getTime());
    return {
      locationId: one.dataLocationId,
      condition: one.condition,
      reason: one.reason ?? undefined,
      space,
      measuredAt: one.measuredAt.toISOString(),
      level: one.level,
      levelSince: one.levelSince.toISOString(),
      bytesPerSecond: one.bytesPerSecond ?? undefined,
      fullAt: full === undefined ? undefined : new Date(full).toISOString(),
    };
  });
}

/**
 * What planners must know of each disk that was measured: also what is on its way there, or came and went since. Within a
 * transaction that plans, nobody else plans onto disks until it is over.
 */
export async function diskFacts(manager: EntityManager, policy: DiskPolicy): Promise<Map<string, DiskFacts>> {
  const found = await measurements(manager);
  const facts = new Map<string, DiskFacts>();
  for (const one of found) {
    const judged = policy.get(one.locationId);
    if (judged === undefined) continue;
    const measuredAt = Date.parse(one.measuredAt);
    facts.set(one.locationId, {
      condition: one.condition,
      reason: one.reason,
      level: one.level,
      levelSince: one.levelSince,
      space: one.space,
      measuredAt,
      stale: Date.now() - measuredAt > judged.staleSeconds * 1000,
      promisedBytes: await promisedBytes(manager, one),
      rules: judged.rules,
    });
  }
  return facts;
}

/** Makes everybody wait who plans onto disks, so that no two see the same free space. */
export async function lockSpace(manager: EntityManager): Promise<void> {
  await lock(manager, 'space');
}

async function promisedBytes(manager: EntityManager, measured: Measurement): Promise<number> {
  const found = await row<{ bytes: number }>(
    manager,
    `select (
       (select coalesce(sum(payload_bytes), 0) from raw_data_package
        where state = 'creating' and buffer_location_id = $1 and payload_bytes <= $3)
       + (select coalesce(sum(p.bytes), 0) from data_transfer_item i join raw_data_package p on p.id = i.raw_data_package_id
          where i.status = 'pending' and i.destination_location_id = $1)
       + (select coalesce(sum(bytes), 0) from physical_copy
          where data_location_id = $1 and created_at > $2 and state <> 'deleted')
       - (select coalesce(sum(bytes), 0) from physical_copy
          where data_location_id = $1 and created_at <= $2 and state = 'deleted' and deleted_at > $2)
     )::float8 as bytes`,
    [measured.locationId, measured.measuredAt, measured.space.totalBytes],
  );
  return found?.bytes ?? 0;
}
