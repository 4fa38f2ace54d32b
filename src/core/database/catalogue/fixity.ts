import type { EntityManager } from 'typeorm';
import { DataCorruptionError } from '../../exceptions.js';
import { repairPath, repairSources } from '../../policy/repair.js';
import { uniqueId } from '../../utilities/unique-id.js';
import type { PackageSummary, PhysicalCopy, Provenance, ReadRange, StoredCopy } from '../records.js';
import { provenance } from './archive.js';
import { audit } from './audit.js';
import { recordChallenge } from './challenges.js';
import { copiesOfPackage, copyEntity, toCopy } from './copies.js';
import { packageEntity, toSummary } from './packages.js';
import { reconsider } from './deletion-queue.js';
import { AUDITOR } from './holds.js';
import { row, rows } from './sql.js';

/** A copy to be read again, as a planner hands it on. */
export interface CopyReference {
  copyId: string;
  /** Of its package. */
  name: string;
  observation: string;
  bytes: number;
}

/** What reading a copy again needs, and what its sidecar tells. */
export interface AuditOrder {
  copy: PhysicalCopy;
  package: PackageSummary;
  provenance: Provenance;
}

/** What was found in place of a copy, twice. */
export interface DamageFound {
  kind: 'missing' | 'size' | 'digest';
  /** ISO 8601. */
  at: string;
  bytes?: number;
  sha256?: string;
}

export interface RepairOrder extends AuditOrder {
  /** Where the damaged object lies, and where the good one is to be put. */
  damagedPath: string;
  repairPath: string;
  kind: DamageFound['kind'];
  /** Best first. */
  sources: PhysicalCopy[];
}

const NAMED = `p.name, u.name as observation`;
const OF_PACKAGE = `join raw_data_package p on p.id = c.raw_data_package_id
     join executed_obs_unit u on u.id = p.executed_obs_unit_id`;

/**
 * Copies of an archive whose last full reading is older than `before`, oldest first; before them those that failed a challenge. What was
 * asked for after `askedBefore` had its turn. Of those that are merely old as many as are wanted are looked at; all others are few.
 */
export async function dueCopies(
  manager: EntityManager,
  archiveLocationId: string,
  { before, askedBefore, limit }: { before: string; askedBefore: string; limit: number },
): Promise<CopyReference[]> {
  const part = (condition: string, most: string) => `
    (select c.id, c.doubted_at is null as undoubted, greatest(c.verified_at, a.asked_at) as last
     from physical_copy c left join lateral (
       select asked_at, failure from archive_audit where physical_copy_id = c.id offset 0) a on true
     where c.data_location_id = $1 and c.state = 'present' and ${condition} and coalesce(a.asked_at, '-infinity') < $3 ${most})`;
  const due = await rows<{ id: string }>(
    manager,
    `select id from (
       ${part('c.doubted_at is not null', `limit ${MOST_OF_FEW}`)}
       union ${part('c.verified_at is null', `limit ${MOST_OF_FEW}`)}
       union ${part('c.verified_at < $2 and a.failure is null', 'order by c.verified_at limit $4')}
       union ${part(
         'c.verified_at < $2 and c.id in (select physical_copy_id from archive_audit where failure is not null)',
         `limit ${MOST_OF_FEW}`,
       )}
     ) as due order by undoubted, last nulls first, id limit $4`,
    [archiveLocationId, before, askedBefore, limit],
  );
  return await rows(
    manager,
    `select c.id as "copyId", ${NAMED}, c.bytes::float8 as bytes from physical_copy c ${OF_PACKAGE}
     where c.id = any($1::uuid[]) order by array_position($1::uuid[], c.id)`,
    [due.map(({ id }) => id)],
  );
}

/** Copies that failed a challenge, were never read or could not be read the last time: more than these are not weighed against each other. */
const MOST_OF_FEW = 1000;

export async function auditOrder(manager: EntityManager, copyId: string): Promise<AuditOrder> {
  const copy = toCopy(await copyEntity(manager, copyId));
  const entity = await packageEntity(manager, copy.packageId);
  const { bytes, sha256 } = copy;
  return { copy, package: toSummary(entity), provenance: { ...provenance(entity), bytes, sha256 } };
}

/** Notes that a copy had its turn; `failure` says why it could not be read. */
export async function recordAsked(manager: EntityManager, copyId: string, failure?: string): Promise<void> {
  await rows(
    manager,
    `insert into archive_audit (physical_copy_id, asked_at, failure) values ($1, now(), $2)
     on conflict (physical_copy_id) do update set asked_at = excluded.asked_at, failure = excluded.failure`,
    [copyId, failure ?? null],
  );
}

/** Records that a copy was read in full and is what it was. */
export async function recordSound(
  manager: EntityManager,
  copyId: string,
  at: string,
  ranges: ReadRange[],
): Promise<void> {
  await recordAsked(manager, copyId);
  const newer = await row<{ packageId: string }>(
    manager,
    `update physical_copy set verified_at = $2, doubted_at = null, doubt = null where id = $1 and state = 'present'
       and coalesce(verified_at, '-infinity') < $2 and coalesce(doubted_at, '-infinity') < $2
     returning raw_data_package_id as "packageId"`,
    [copyId, at],
  );
  if (newer === undefined) return;
  await recordChallenge(manager, { copyId, method: 'full', ranges });
  await reconsider(manager, [newer.packageId]);
  await audit(manager, 'copy_verified', { table: 'physical_copy', id: copyId }, { at, by: 'audit' });
}

/**
 * Records that a copy is gone or not what it was: it counts no more, and nothing of its package is deleted until it is repaired.
 *
 * @returns how many copies there are to repair it from; undefined where it was repaired or verified since, or was known as damaged
 */
export async function recordDamage(
  manager: EntityManager,
  copyId: string,
  found: DamageFound,
): Promise<{ sources: number } | undefined> {
  await rows(manager, 'select from physical_copy where id = $1 for update', [copyId]);
  await recordAsked(manager, copyId);
  const copy = toCopy(await copyEntity(manager, copyId));
  if (copy.state !== 'present' || (copy.verifiedAt ?? '') >= found.at) return undefined;
  const earlier = await row<{ count: number }>(
    manager,
    'select count(*)::integer as count from archive_damage where physical_copy_id = $1',
    [copyId],
  );
  const good = found.kind === 'missing' ? copy.path : repairPath(copy.path, (earlier?.count ?? 0) + 1);
  await rows(
    manager,
    `insert into archive_damage (id, physical_copy_id, kind, path, found_at, found_bytes, found_sha256, last_verified_at, repair_path)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
    [
      uniqueId(),
      copyId,
      found.kind,
      copy.path,
      found.at,
      found.bytes ?? null,
      found.sha256 ?? null,
      copy.verifiedAt ?? null,
      good,
    ],
  );
  await rows(manager, `update physical_copy set state = 'damaged', verified_at = null where id = $1`, [
    copyId,
  ]);
  await rows(
    manager,
    `insert into deletion_hold (id, raw_data_package_id, reason, placed_by) values ($1, $2, $3, $4)
     on conflict (raw_data_package_id, (placed_by = 'audit')) where released_at is null do nothing`,
    [
      uniqueId(),
      copy.packageId,
      `its copy in ${copy.location.site}.${copy.location.name} is damaged`,
      AUDITOR,
    ],
  );
  const facts = {
    kind: found.kind,
    path: copy.path,
    found: found.sha256 ?? null,
    bytes: found.bytes ?? null,
  };
  await audit(manager, 'copy_damaged', { table: 'physical_copy', id: copyId }, facts);
  return { sources: repairSources(copy, await copiesOfPackage(manager, copy.packageId)).length };
}

/** Damaged copies of an archive that wait for their repair, oldest first. */
export async function openRepairs(
  manager: EntityManager,
  archiveLocationId: string,
): Promise<CopyReference[]> {
  return await rows(
    manager,
    `select c.id as "copyId", ${NAMED}, c.bytes::float8 as bytes
     from archive_damage d join physical_copy c on c.id = d.physical_copy_id ${OF_PACKAGE}
     where d.repaired_at is null and c.data_location_id = $1 order by d.found_at limit 200`,
    [archiveLocationId],
  );
}

/** What repairing a copy needs; undefined where it is not damaged any more. */
export async function repairOrder(manager: EntityManager, copyId: string): Promise<RepairOrder | undefined> {
  const damage = await row<{ path: string; repair_path: string; kind: DamageFound['kind'] }>(
    manager,
    'select path, repair_path, kind from archive_damage where physical_copy_id = $1 and repaired_at is null',
    [copyId],
  );
  if (damage === undefined) return undefined;
  const order = await auditOrder(manager, copyId);
  const copies = await copiesOfPackage(manager, order.copy.packageId);
  return {
    ...order,
    damagedPath: damage.path,
    repairPath: damage.repair_path,
    kind: damage.kind,
    sources: repairSources(order.copy, copies),
  };
}

/**
 * Records that a damaged copy was put anew and read back.
 *
 * @throws DataCorruptionError if what was put is not what was packaged
 */
export async function recordRepaired(
  manager: EntityManager,
  copyId: string,
  sourceCopyId: string,
  stored: StoredCopy,
): Promise<void> {
  await rows(manager, 'select from physical_copy where id = $1 for update', [copyId]);
  const copy = toCopy(await copyEntity(manager, copyId));
  if (copy.state !== 'damaged') return;
  if (stored.sha256 !== copy.sha256 || stored.bytes !== copy.bytes)
    throw new DataCorruptionError('what a copy was repaired with is not what was packaged', {
      operation: 'audit',
      subject: copy.path,
    });
  await rows(
    manager,
    'update archive_damage set repaired_at = $2, repaired_from = $3 where physical_copy_id = $1 and repaired_at is null',
    [copyId, stored.verifiedAt, sourceCopyId],
  );
  await rows(
    manager,
    `update physical_copy set state = 'present', path = $2, verified_at = $3, version_id = $4, etag = $5,
       doubted_at = null, doubt = null where id = $1`,
    [copyId, stored.key, stored.verifiedAt, stored.versionId ?? null, stored.etag ?? null],
  );
  if (stored.ranges !== undefined)
    await recordChallenge(manager, { copyId, method: 'full', ranges: stored.ranges });
  await rows(
    manager,
    `update deletion_hold set released_by = placed_by, released_at = now()
     where raw_data_package_id = $1 and placed_by = $2 and released_at is null and not exists (
       select from archive_damage d join physical_copy c on c.id = d.physical_copy_id
       where c.raw_data_package_id = $1 and d.repaired_at is null)`,
    [copy.packageId, AUDITOR],
  );
  const facts = {
    from: sourceCopyId,
    path: stored.key,
    sha256: stored.sha256,
    verifiedAt: stored.verifiedAt,
  };
  await audit(manager, 'copy_repaired', { table: 'physical_copy', id: copyId }, facts);
}

export async function damagedAmong(
  manager: EntityManager,
  packageIds: string[],
  locationIds: string[],
): Promise<{ packageId: string; locationId: string }[]> {
  return rows(
    manager,
    `select raw_data_package_id as "packageId", data_location_id as "locationId" from physical_copy
     where raw_data_package_id = any($1::uuid[]) and data_location_id = any($2::uuid[]) and state = 'damaged'`,
    [packageIds, locationIds],
  );
}
