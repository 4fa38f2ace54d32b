import type { EntityManager } from 'typeorm';
import { DataCorruptionError, PackageError } from '../../exceptions.js';
import type { PackageMember, PackageResult } from '../../package/package-result.js';
import { uniqueId } from '../../utilities/unique-id.js';
import type { RawDataPackageEntity } from '../entities/raw-data-package.js';
import { audit } from './audit.js';
import { packageEntity } from './packages.js';
import { reportRefusals, resolveRefusals } from './refusals.js';
import { changed, lock, portions, row, rows, textHash } from './sql.js';

export async function recordPackageCreated(
  manager: EntityManager,
  packageId: string,
  result: PackageResult,
  bufferLocationId?: string,
): Promise<void> {
  // It lies where it was made, wherever it was meant to go since.
  if (bufferLocationId !== undefined)
    await rows(
      manager,
      `update raw_data_package set buffer_location_id = $2 where id = $1 and state = 'creating'`,
      [packageId, bufferLocationId],
    );
  const planned = await lockedPackage(manager, packageId);
  if (planned.state !== 'creating') {
    assertSameAsRecorded(planned, result);
    return;
  }
  const entries = await row<{ count: number }>(
    manager,
    'select count(*)::integer as count from raw_data_file where raw_data_package_id = $1',
    [packageId],
  );
  const packaged = await recordMembers(manager, planned, result.members);
  const refused = await releaseRefused(manager, planned, result);
  if (
    packaged !== result.members.length ||
    refused !== result.refused.length ||
    packaged + refused !== entries?.count
  ) {
    throw new PackageError(
      `the result of packaging tells of ${result.members.length} packaged and ${result.refused.length} refused entries, ` +
        `of which ${packaged} and ${refused} belong to the package's ${entries?.count ?? 0}`,
      {
        subject: planned.name,
        advice: 'this is a fault of the software: nothing was recorded and nothing is lost',
      },
    );
  }
  await (packaged > 0 ? recordMade(manager, planned, result) : recordEmpty(manager, planned));
  await reportRefusals(manager, planned, result.refused);
  await resolveRefusals(manager, planned, result.members);
  await audit(
    manager,
    'package_created',
    { table: 'raw_data_package', id: packageId },
    { packaged, refused, sha256: result.sha256 },
  );
}

export async function failPackage(manager: EntityManager, packageId: string, reason: string): Promise<void> {
  const given = await lockedPackage(manager, packageId);
  // What is archived is safe, whatever an operator gave up.
  if (given.state === 'failed' || given.state === 'archived') return;
  if (given.state === 'creating') {
    await rows(
      manager,
      `update raw_data_file set raw_data_package_id = null, state = 'refused', refusal_reason = $2 where raw_data_package_id = $1`,
      [packageId, `its package was given up: ${reason}`],
    );
  }
  await rows(manager, `update raw_data_package set state = 'failed', reason = $2 where id = $1`, [
    packageId,
    reason,
  ]);
  await audit(manager, 'package_failed', { table: 'raw_data_package', id: packageId }, { reason });
}

/** The package, with its row and its source's files held until the transaction is over. */
async function lockedPackage(manager: EntityManager, packageId: string): Promise<RawDataPackageEntity> {
  const { sourceLocationId } = await packageEntity(manager, packageId);
  await lock(manager, `source ${sourceLocationId}`);
  await rows(manager, 'select from raw_data_package where id = $1 for update', [packageId]);
  return await packageEntity(manager, packageId);
}

function assertSameAsRecorded(recorded: RawDataPackageEntity, result: PackageResult): void {
  if (recorded.sha256 === null || result.members.length === 0 || recorded.sha256 === result.sha256) return;
  throw new DataCorruptionError('the package was made again and differs from the one that was recorded', {
    subject: recorded.name,
    context: { recorded: recorded.sha256, made: result.sha256 },
    advice: 'compare the file in the buffer with the recorded digest',
  });
}

async function recordMembers(
  manager: EntityManager,
  planned: RawDataPackageEntity,
  members: PackageMember[],
): Promise<number> {
  const { sourceLocationId } = planned;
  let count = 0;
  for (const some of portions(members))
    count += await changed(
      manager,
      `update raw_data_file f set state = 'packaged', sha256 = member.sha256
       from unnest($3::text[], $4::text[]) as member (path_hash, sha256)
       where f.source_location_id = $2 and f.path_hash = member.path_hash and f.raw_data_package_id = $1`,
      [
        planned.id,
        sourceLocationId,
        some.map((member) => textHash(member.path)),
        some.map((member) => member.sha256 ?? null),
      ],
    );
  return count;
}

/** Takes refused entries out of the package: what changed waits to be still, the rest until it changes. */
async function releaseRefused(
  manager: EntityManager,
  planned: RawDataPackageEntity,
  { refused }: PackageResult,
): Promise<number> {
  let count = 0;
  for (const some of portions(refused))
    count += await changed(
      manager,
      `update raw_data_file f set raw_data_package_id = null, quiet = false, seen_at = now(),
         state = case when refused.reason is null then 'registered' else 'refused' end, refusal_reason = refused.reason
       from unnest($3::text[], $4::text[]) as refused (path_hash, reason)
       where f.source_location_id = $2 and f.path_hash = refused.path_hash and f.raw_data_package_id = $1`,
      [
        planned.id,
        planned.sourceLocationId,
        some.map((entry) => textHash(entry.path)),
        some.map((entry) => (entry.kind === 'changed' ? null : entry.reason)),
      ],
    );
  return count;
}

async function recordMade(
  manager: EntityManager,
  { id, name, bufferLocationId }: RawDataPackageEntity,
  result: PackageResult,
): Promise<void> {
  await rows(
    manager,
    `update raw_data_package set state = 'waiting', bytes = $2, sha256 = $3, file_count = $4, payload_bytes = $5, packaged_at = $6
     where id = $1`,
    [id, result.bytes, result.sha256, result.fileCount, result.payloadBytes, result.createdAt],
  );
  await rows(
    manager,
    `insert into physical_copy (id, raw_data_package_id, data_location_id, state, path, bytes, sha256, created_at)
     values ($1, $2, $3, 'present', $4, $5, $6, $7)`,
    [uniqueId(), id, bufferLocationId, `${name}.tar`, result.bytes, result.sha256, result.createdAt],
  );
}

async function recordEmpty(manager: EntityManager, { id }: RawDataPackageEntity): Promise<void> {
  await rows(
    manager,
    `update raw_data_package set state = 'failed', reason = 'nothing in it could be packaged', file_count = 0, payload_bytes = 0 where id = $1`,
    [id],
  );
}
