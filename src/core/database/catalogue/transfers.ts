import type { EntityManager } from 'typeorm';
import { ConfigurationError, DataCorruptionError, PackageError, PermanentError } from '../../exceptions.js';
import { groupEntries } from '../../policy/grouping.js';
import { dataTransferPackageName } from '../../utilities/naming.js';
import { uniqueId } from '../../utilities/unique-id.js';
import { DataTransferEntity } from '../entities/data-transfer.js';
import type { DataTransferPlan, TransferOrder } from '../records.js';
import { audit } from './audit.js';
import { changed, lock, row, rows } from './sql.js';
import { toLocation, toRoute } from './topology.js';

export interface BundlingPlan {
  bufferLocationId: string;
  maxPackages: number;
  /** Of the packages' tars. */
  maxBytes: number;
}

/** Transfers from one buffer that are not over at once. */
const MOST_OPEN = 200;

interface Path {
  routeId: string;
  origin: string;
  destination: string;
  destinationLocationId: string;
}

export async function planDataTransfers(
  manager: EntityManager,
  plan: BundlingPlan,
): Promise<DataTransferPlan[]> {
  const { bufferLocationId } = plan;
  await lock(manager, `buffer ${bufferLocationId}`);
  const path = await bestPath(manager, bufferLocationId);
  const open = await row<{ count: number }>(
    manager,
    'select count(*)::integer as count from data_transfer where origin_location_id = $1 and completed_at is null',
    [bufferLocationId],
  );
  const free = Math.max(0, MOST_OPEN - (open?.count ?? 0));
  const waiting = await rows<{ id: string; size: number }>(
    manager,
    `select id, bytes::float8 as size from raw_data_package where buffer_location_id = $1 and state = 'waiting'
     order by created_at, id limit $2 for update`,
    [bufferLocationId, free * plan.maxPackages],
  );
  const bundles = groupEntries(waiting, { maxBytes: plan.maxBytes, maxFiles: plan.maxPackages });
  for (const bundle of bundles.slice(0, free)) await insertTransfer(manager, bufferLocationId, path, bundle);
  return await openTransfers(manager, bufferLocationId);
}

/** The first route by priority to a site that has an archive, and the buffer there. */
async function bestPath(manager: EntityManager, bufferLocationId: string): Promise<Path> {
  const found = await row<Path>(
    manager,
    `select r.id as "routeId", origin.short_name as origin, destination.short_name as destination, buffer.id as "destinationLocationId"
     from data_location here
     join data_transfer_route r on r.origin_site_id = here.site_id and r.active
     join site origin on origin.id = r.origin_site_id
     join site destination on destination.id = r.destination_site_id
     join data_location buffer on buffer.site_id = destination.id and buffer.location_type = 'buffer' and buffer.active
     where here.id = $1 and exists (
       select from data_location where site_id = destination.id and location_type = 'long_term_archive' and active)
     order by r.priority, r.name, buffer.priority, buffer.name limit 1`,
    [bufferLocationId],
  );
  if (found !== undefined) return found;
  throw new ConfigurationError(
    'no active route leads from this buffer to a buffer at a site with a long-term archive',
    {
      operation: 'data_transfer_package_creation',
      subject: bufferLocationId,
      advice: 'add a route to the topology, or activate one',
    },
  );
}

async function insertTransfer(
  manager: EntityManager,
  originLocationId: string,
  path: Path,
  bundle: { id: string; size: number }[],
): Promise<void> {
  const [bundleId, transferId] = [uniqueId(), uniqueId()];
  const name = dataTransferPackageName({ ...path, id: bundleId });
  const bytes = bundle.reduce((sum, one) => sum + one.size, 0);
  await rows(
    manager,
    'insert into data_transfer_package (id, name, package_count, bytes, created_at) values ($1, $2, $3, $4, clock_timestamp())',
    [bundleId, name, bundle.length, bytes],
  );
  await rows(
    manager,
    `insert into data_transfer (id, data_transfer_package_id, route_id, origin_location_id, destination_location_id, status,
       unpack_status, created_at)
     values ($1, $2, $3, $4, $5, 'pending', 'pending', clock_timestamp())`,
    [transferId, bundleId, path.routeId, originLocationId, path.destinationLocationId],
  );
  await rows(
    manager,
    `update raw_data_package set state = 'transferring', data_transfer_package_id = $1 where id = any($2::uuid[])`,
    [bundleId, bundle.map((one) => one.id)],
  );
  await audit(
    manager,
    'transfer_planned',
    { table: 'data_transfer', id: transferId },
    { name, packages: bundle.length, bytes },
  );
}

async function openTransfers(manager: EntityManager, originLocationId: string): Promise<DataTransferPlan[]> {
  return await rows(
    manager,
    `select t.id, d.name, d.package_count as "packageCount", d.bytes::float8 as bytes,
       array_agg(distinct u.name) as observations, array_agg(p.name order by p.name) as packages,
       json_build_object('site', os.short_name, 'location', o.name) as origin,
       json_build_object('site', ts.short_name, 'location', target.name) as destination
     from data_transfer t
     join data_location o on o.id = t.origin_location_id join site os on os.id = o.site_id
     join data_location target on target.id = t.destination_location_id join site ts on ts.id = target.site_id
     join data_transfer_package d on d.id = t.data_transfer_package_id
     join raw_data_package p on p.data_transfer_package_id = d.id
     join executed_obs_unit u on u.id = p.executed_obs_unit_id
     where t.origin_location_id = $1 and t.completed_at is null
     group by t.id, d.id, o.id, os.id, target.id, ts.id order by t.created_at, t.id limit ${MOST_OPEN}`,
    [originLocationId],
  );
}

export async function transferOrder(manager: EntityManager, dataTransferId: string): Promise<TransferOrder> {
  await rows(
    manager,
    `update data_transfer set status = 'in_progress' where id = $1 and status = 'pending'`,
    [dataTransferId],
  );
  const transfer = await transferEntity(manager, dataTransferId);
  const packages = await rows<TransferOrder['packages'][number]>(
    manager,
    `select p.id, p.name, p.state, p.bytes::float8 as bytes, p.sha256, p.file_count as "fileCount", p.payload_bytes::float8 as "payloadBytes",
       u.name as "executedObsUnit"
     from raw_data_package p join executed_obs_unit u on u.id = p.executed_obs_unit_id
     where p.data_transfer_package_id = $1 and p.state <> 'failed' order by p.created_at, p.id`,
    [transfer.dataTransferPackageId],
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

export async function recordArrival(
  manager: EntityManager,
  dataTransferId: string,
  arrived: { packageId: string; bytes: number; sha256: string }[],
  failed: { packageId: string; reason: string }[],
): Promise<void> {
  await rows(manager, 'select from data_transfer where id = $1 for update', [dataTransferId]);
  const transfer = await transferEntity(manager, dataTransferId);
  const bundle = transfer.dataTransferPackageId;
  const sent = await sentPackages(manager, bundle);
  for (const { packageId } of failed) ofBundle(sent, packageId);
  for (const one of arrived) assertSameBytes(ofBundle(sent, one.packageId), one);

  // Only what is still on its way: a late second run must not bring back copies that were archived and deleted since.
  const onTheWay = arrived
    .map((one) => ofBundle(sent, one.packageId))
    .filter((one) => one.state === 'transferring');
  await recordArrived(manager, transfer.destinationLocationId, onTheWay);
  const givenUp = await recordFailed(manager, bundle, failed);
  const over = await closeIfOver(manager, transfer);
  if (onTheWay.length + givenUp + over === 0) return;
  const facts = { arrived: onTheWay.length, failed: givenUp, over: over > 0 };
  await audit(manager, 'arrival_recorded', { table: 'data_transfer', id: dataTransferId }, facts);
}

interface SentPackage {
  id: string;
  name: string;
  state: string;
  bytes: number;
  sha256: string;
}

async function sentPackages(manager: EntityManager, bundleId: string): Promise<Map<string, SentPackage>> {
  const found = await rows<SentPackage>(
    manager,
    `select id, name, state, bytes::float8 as bytes, sha256 from raw_data_package where data_transfer_package_id = $1
     order by id for update`,
    [bundleId],
  );
  return new Map(found.map((one) => [one.id, one]));
}

function ofBundle(sent: Map<string, SentPackage>, packageId: string): SentPackage {
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
  locationId: string,
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
       state = 'present', path = excluded.path, bytes = excluded.bytes, sha256 = excluded.sha256, verified_at = now(), deleted_at = null`,
    [locationId, packages.map(() => uniqueId()), ids],
  );
  await rows(
    manager,
    `update raw_data_package set state = 'arrived', arrived_at = now() where id = any($1::uuid[])`,
    [ids],
  );
}

async function recordFailed(
  manager: EntityManager,
  bundleId: string,
  failed: { packageId: string; reason: string }[],
): Promise<number> {
  return await changed(
    manager,
    `update raw_data_package p set state = 'failed', reason = failed.reason
     from unnest($2::uuid[], $3::text[]) as failed (id, reason)
     where p.id = failed.id and p.data_transfer_package_id = $1 and p.state = 'transferring'`,
    [bundleId, failed.map((one) => one.packageId), failed.map((one) => one.reason)],
  );
}

/** Ends the transfer when nothing of it is on its way; it failed when nothing of it arrived. */
async function closeIfOver(manager: EntityManager, transfer: DataTransferEntity): Promise<number> {
  return await changed(
    manager,
    `update data_transfer t set status = outcome.status, unpack_status = outcome.status, completed_at = now()
     from (
       select case when bool_and(state = 'failed') then 'failed' else 'completed' end as status from raw_data_package
       where data_transfer_package_id = $2 having not bool_or(state = 'transferring')
     ) as outcome
     where t.id = $1 and t.completed_at is null`,
    [transfer.id, transfer.dataTransferPackageId],
  );
}

async function transferEntity(manager: EntityManager, id: string): Promise<DataTransferEntity> {
  const found = await manager.findOne(DataTransferEntity, {
    where: { id },
    relations: {
      route: { originSite: true, destinationSite: true },
      originLocation: { site: true },
      destinationLocation: { site: true },
    },
  });
  if (found === null) throw new PermanentError(`the catalogue has no data transfer ${id}`, { subject: id });
  return found;
}
