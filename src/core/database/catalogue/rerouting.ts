import type { EntityManager } from 'typeorm';
import { NOTHING_SENT, primaryDestination } from '../../policy/primary-destination.js';
import { nextHop, type Hop, type HopOrReasons, type RoutingFacts } from '../../policy/routing.js';
import type { DataTransferPlan, Location } from '../records.js';
import { audit } from './audit.js';
import { insertTransfer, routingFacts, type BundlingPlan, type Candidate } from './bundling.js';
import { lockSpace } from './measurements.js';
import { transferPlan } from './open-transfers.js';
import { row, rows } from './sql.js';
import { locationById } from './topology.js';
import { closeIfOver, closeItems } from './transfers.js';

/**
 * Hands what is left of a transfer over to a new one that goes another way: over another route, into another buffer, or, for a
 * first copy, to another archive's site. Undefined where no other way is open; nothing is changed then.
 */
export async function rerouteTransfer(
  manager: EntityManager,
  dataTransferId: string,
  reason: string,
  plan: Pick<BundlingPlan, 'disks'>,
): Promise<DataTransferPlan | undefined> {
  const transfer = await row<{ routeId: string; originId: string; destinationId: string }>(
    manager,
    `select route_id as "routeId", origin_location_id as "originId", destination_location_id as "destinationId"
     from data_transfer where id = $1 and completed_at is null for update`,
    [dataTransferId],
  );
  if (transfer === undefined) return undefined;
  await lockSpace(manager);
  const pending = await rows<Candidate & { first: boolean }>(
    manager,
    `select p.id, p.bytes::float8 as size, p.buffer_location_id = $2 as first
     from data_transfer_item i join raw_data_package p on p.id = i.raw_data_package_id
     where i.data_transfer_id = $1 and i.status = 'pending' order by p.created_at, p.id for update of i, p`,
    [dataTransferId, transfer.originId],
  );
  if (pending.length === 0) return undefined;
  const here = await locationById(manager, transfer.originId);
  const there = await locationById(manager, transfer.destinationId);
  const facts = await routingFacts(manager, plan.disks);
  const bytes = pending.reduce((sum, one) => sum + one.size, 0);
  const first = pending.every((one) => one.first);
  const hop = otherHop(here, there, transfer.routeId, facts, { bytes, first });
  if (hop === undefined) return undefined;

  const items = pending.map((one) => ({ packageId: one.id, reason }));
  await closeItems(manager, dataTransferId, 'rerouted', items);
  await closeIfOver(manager, dataTransferId);
  const id = await insertTransfer(manager, here, hop, pending, facts);
  await rows(
    manager,
    `update raw_data_package set state = 'transferring',
       data_transfer_package_id = (select data_transfer_package_id from data_transfer where id = $2)
     where id = any($1::uuid[]) and state = 'waiting'`,
    [pending.map((one) => one.id), id],
  );
  await audit(
    manager,
    'transfer_rerouted',
    { table: 'data_transfer', id: dataTransferId },
    { reason, over: hop.route.name, into: `${hop.buffer.site}.${hop.buffer.name}`, transfer: id },
  );
  return transferPlan(manager, id);
}

/** Without the route first; then without the buffer, which may be what failed. */
function otherHop(
  here: Location,
  there: Location,
  routeId: string,
  facts: RoutingFacts,
  { bytes, first }: { bytes: number; first: boolean },
): Hop | undefined {
  const others = [
    { ...facts, routes: facts.routes.filter((one) => one.id !== routeId) },
    { ...facts, locations: facts.locations.filter((one) => one.id !== there.id) },
  ];
  const hops = others.flatMap((left): HopOrReasons[] => [
    nextHop(here, there.site, left, bytes),
    ...(first ? [primaryHop(here, left, bytes)] : []),
  ]);
  return hops.find((one) => 'hop' in one)?.hop;
}

function primaryHop(here: Location, facts: RoutingFacts, bytes: number): HopOrReasons {
  return primaryDestination(here, facts, NOTHING_SENT, { bytes });
}
