import type { EntityManager } from 'typeorm';
import { DataCorruptionError, PackageError, PermanentError } from '../../exceptions.js';
import { uniqueId } from '../../utilities/unique-id.js';
import { DataTransferEntity } from '../entities/data-transfer.js';
import type { TransferOrder } from '../records.js';
import { audit } from './audit.js';
import { reconsider } from './deletion-queue.js';
import { oneOf } from './one-of.js';
import { changed, rows } from './sql.js';
import { OF_ROUTE, toLocation, toRoute } from './topology.js';

export async function transferOrder(manager: EntityManager, dataTransferId: string): Promise<TransferOrder> {
  await rows(
    manager,
    `update data_transfer set status = 'in_progress' where id = $1 and status = 'pending'`,
    [dataTransferId],
  );
  const transfer = await transferEntity(manager, dataTransferId);
  const packages = await rows<TransferOrder['packages'][number]>(
    manager,
    `select p.id, p.name, i.status = 'pending' as pending, p.bytes::float8 as bytes, p.sha256, p.file_count as "fileCount",
       p.payload_bytes::float8 as "payloadBytes", u.name as "executedObsUnit"
     from data_transfer_item i join raw_data_package p on p.id = i.raw_data_package_id
     join executed_obs_unit u on u.id = p.executed_obs_unit_id
     where i.data_transfer_id = $1 and i.status <> 'failed' order by p.created_at, p.id`,
    [transfer.id],
  );
  return {
    id: transfer.id,
    status: transfer.status,
    route: toRoute(transfer.route),
    origin: toLocation(transfer.originLocation),
    destination: toLocation(transfer.destinationLocation),
    packages,
  };
}

/** What is wrong with a package that did not arrive, and whether it is sent again some time. */
export interface Undelivered {
  packageId: string;
  reason: string;
}

export async function recordArrival(
  manager: EntityManager,
  dataTransferId: string,
  arrived: { packageId: string; bytes: number; sha256: string }[],
  failed: Undelivered[],
  speed?: { bytes: number; seconds: number },
): Promise<void> {
  await rows(manager, 'select from data_transfer where id = $1 for update', [dataTransferId]);
  if (speed !== undefined) await recordSpeed(manager, dataTransferId, speed);
  const transfer = await transferEntity(manager, dataTransferId);
  const sent = await sentPackages(manager, dataTransferId);
  for (const { packageId } of failed) ofTransfer(sent, packageId);
  for (const one of arrived) assertSameBytes(ofTransfer(sent, one.packageId), one);

  // Only what is still on its way: a late second run must not bring back copies that were archived and deleted since.
  const onTheWay = arrived.map((one) => ofTransfer(sent, one.packageId)).filter((one) => one.pending);
  await recordArrived(manager, transfer, onTheWay);
  const givenUp = await closeItems(manager, dataTransferId, 'failed', failed);
  await reconsider(manager, [...sent.keys()]);
  const over = await closeIfOver(manager, dataTransferId);
  if (onTheWay.length + givenUp + over === 0) return;
  const facts = { arrived: onTheWay.length, failed: givenUp, over: over > 0 };
  await audit(manager, 'arrival_recorded', { table: 'data_transfer', id: dataTransferId }, facts);
}

/** How fast the sending was; a later round that sends again only what was damaged adds to it. */
async function recordSpeed(
  manager: EntityManager,
  dataTransferId: string,
  { bytes, seconds }: { bytes: number; seconds: number },
): Promise<void> {
  await rows(
    manager,
    `update data_transfer set bytes_sent = coalesce(bytes_sent, 0) + $2, send_seconds = coalesce(send_seconds, 0) + $3
     where id = $1 and completed_at is null`,
    [dataTransferId, bytes, seconds],
  );
}

/** Ends a transfer by an operator's word: what did not arrive is left for later, or given up for good. */
export async function closeTransfer(
  manager: EntityManager,
  dataTransferId: string,
  as: 'left' | 'failed',
  reason: string,
): Promise<void> {
  await rows(manager, 'select from data_transfer where id = $1 for update', [dataTransferId]);
  const pending = [...(await sentPackages(manager, dataTransferId)).values()].filter((one) => one.pending);
  const items = pending.map((one) => ({ packageId: one.id, reason }));
  await closeItems(manager, dataTransferId, as, items);
  await reconsider(
    manager,
    items.map((one) => one.packageId),
  );
  const over = await closeIfOver(manager, dataTransferId);
  if (over === 0) return;
  await audit(
    manager,
    'transfer_closed',
    { table: 'data_transfer', id: dataTransferId },
    {
      as,
      reason,
      packages: items.length,
    },
  );
}

interface SentPackage {
  id: string;
  name: string;
  pending: boolean;
  bytes: number;
  sha256: string;
}

async function sentPackages(
  manager: EntityManager,
  dataTransferId: string,
): Promise<Map<string, SentPackage>> {
  const found = await rows<SentPackage>(
    manager,
    `select p.id, p.name, i.status = 'pending' as pending, p.bytes::float8 as bytes, p.sha256
     from data_transfer_item i join raw_data_package p on p.id = i.raw_data_package_id
     where i.data_transfer_id = $1 order by p.id for update of p, i`,
    [dataTransferId],
  );
  return new Map(found.map((one) => [one.id, one]));
}

function ofTransfer(sent: Map<string, SentPackage>, packageId: string): SentPackage {
  const found = sent.get(packageId);
  if (found === undefined)
    throw new PackageError('the package is not part of this data transfer', { subject: packageId });
  return found;
}

function assertSameBytes(sent: SentPackage, arrived: { bytes: number; sha256: string }): void {
  if (sent.bytes === arrived.bytes && sent.sha256 === arrived.sha256) return;
  throw new DataCorruptionError('what arrived is not what was sent', {
    subject: sent.name,
    context: { sent: sent.sha256, arrived: arrived.sha256 },
  });
}

async function recordArrived(
  manager: EntityManager,
  transfer: DataTransferEntity,
  packages: SentPackage[],
): Promise<void> {
  if (packages.length === 0) return;
  const ids = packages.map((one) => one.id);
  await rows(
    manager,
    `insert into physical_copy (id, raw_data_package_id, data_location_id, state, path, bytes, sha256, verified_at, created_at)
     select new.id, p.id, $1, 'present', p.name || '.tar', p.bytes, p.sha256, now(), now()
     from unnest($2::uuid[], $3::uuid[]) as new (id, package_id) join raw_data_package p on p.id = new.package_id
     on conflict (raw_data_package_id, data_location_id) do update set
       state = 'present', path = excluded.path, bytes = excluded.bytes, sha256 = excluded.sha256, verified_at = now(), deleted_at = null, delete_after = null`,
    [transfer.destinationLocationId, packages.map(() => uniqueId()), ids],
  );
  await rows(
    manager,
    `update data_transfer_item set status = 'arrived', closed_at = now()
     where data_transfer_id = $1 and raw_data_package_id = any($2::uuid[]) and status = 'pending'`,
    [transfer.id, ids],
  );
  // At a station without an archive the package is still on its way.
  await rows(
    manager,
    `update raw_data_package set state = 'arrived', arrived_at = now()
     where id = any($1::uuid[]) and state = 'transferring' and exists (
       select from data_location here join data_location archive on archive.site_id = here.site_id
         and archive.location_type = 'long_term_archive' and archive.active
       where here.id = $2)`,
    [ids, transfer.destinationLocationId],
  );
}

/** Closes items that did not arrive. A first copy that is left out waits again; one that is given up fails its package. */
export async function closeItems(
  manager: EntityManager,
  dataTransferId: string,
  as: 'left' | 'failed' | 'rerouted',
  items: Undelivered[],
): Promise<number> {
  const closed = await rows<{ id: string; reason: string }>(
    manager,
    `update data_transfer_item i set status = $2, reason = given.reason, closed_at = now()
     from unnest($3::uuid[], $4::text[]) as given (id, reason)
     where i.data_transfer_id = $1 and i.raw_data_package_id = given.id and i.status = 'pending'
     returning i.raw_data_package_id as id, i.reason`,
    [dataTransferId, as, items.map((one) => one.packageId), items.map((one) => one.reason)],
  );
  await rows(
    manager,
    as !== 'failed'
      ? `update raw_data_package p set state = 'waiting', data_transfer_package_id = null
         from unnest($1::uuid[], $2::text[]) as given (id, reason)
         where p.id = given.id and p.state = 'transferring' and not exists (
           select from data_transfer_item i where i.raw_data_package_id = p.id and i.status in ('pending', 'arrived'))`
      : `update raw_data_package p set state = 'failed', reason = given.reason
         from unnest($1::uuid[], $2::text[]) as given (id, reason)
         where p.id = given.id and p.state = 'transferring'`,
    [closed.map((one) => one.id), closed.map((one) => one.reason)],
  );
  return closed.length;
}

/** Ends the transfer when nothing of it is on its way; it failed when nothing of it arrived. */
export async function closeIfOver(manager: EntityManager, dataTransferId: string): Promise<number> {
  return await changed(
    manager,
    `update data_transfer t set status = outcome.status, unpack_status = outcome.status, completed_at = now()
     from (
       select case when bool_or(status = 'arrived') then 'completed' else 'failed' end as status
       from data_transfer_item where data_transfer_id = $1 having not bool_or(status = 'pending')
     ) as outcome
     where t.id = $1 and t.completed_at is null`,
    [dataTransferId],
  );
}

async function transferEntity(manager: EntityManager, id: string): Promise<DataTransferEntity> {
  const found = await oneOf(
    manager,
    DataTransferEntity,
    { id },
    { route: OF_ROUTE, originLocation: { site: true }, destinationLocation: { site: true } },
  );
  if (found === undefined)
    throw new PermanentError(`the catalogue has no data transfer ${id}`, { subject: id });
  return found;
}
