import type { EntityManager } from 'typeorm';
import { ConfigurationError } from '../../exceptions.js';
import { closedGroups, groupEntries } from '../../policy/grouping.js';
import { NOTHING_SENT, primaryDestination } from '../../policy/primary-destination.js';
import { archiveSites, nextHop, type Hop, type RoutingFacts } from '../../policy/routing.js';
import { dataTransferPackageName } from '../../utilities/naming.js';
import { uniqueId } from '../../utilities/unique-id.js';
import type { DataTransferPlan, Location } from '../records.js';
import { audit } from './audit.js';
import { lock, row, rows } from './sql.js';
import { locationById, locations, routes } from './topology.js';

export interface BundlingPlan {
  bufferLocationId: string;
  maxPackages: number;
  /** Of the packages' tars. */
  maxBytes: number;
  /** A bundle that could hold more is sent when its oldest package waited for so long; at once where absent. */
  maxAgeSeconds?: number;
}

/** Transfers from one buffer that are not over at once. */
const MOST_OPEN = 200;
/** Of those under way, so many are told again with each plan, whichever: a journey that was lost is taken up so. */
const TOLD_AGAIN = 20;
/** Names that a plan tells of one bundle. */
const MOST_NAMES = 20;
/** What an operator left out of a transfer is sent again after this time. */
const LEFT_OUT = `interval '1 hour'`;

interface Candidate {
  id: string;
  size: number;
  /** For how long it has been ready to be sent, by the catalogue's clock. */
  waitedSeconds: number;
}

/** Bundles what is to go on from a buffer: what was packaged into it, and what came to it and has still further to go. */
export async function planDataTransfers(
  manager: EntityManager,
  plan: BundlingPlan,
): Promise<DataTransferPlan[]> {
  const { bufferLocationId } = plan;
  await lock(manager, `buffer ${bufferLocationId}`);
  const here = await locationById(manager, bufferLocationId);
  const facts = await routingFacts(manager);
  if (here.active) {
    await planFirstCopies(manager, here, facts, plan);
    await planFurtherCopies(manager, here, facts, plan);
  }
  return await openTransfers(manager, bufferLocationId);
}

export async function routingFacts(manager: EntityManager): Promise<RoutingFacts> {
  const open = await rows<{ id: string; count: number }>(
    manager,
    'select route_id as id, count(*)::integer as count from data_transfer where completed_at is null group by route_id',
  );
  return {
    locations: await locations(manager),
    routes: await routes(manager),
    openTransfers: new Map(open.map((one) => [one.id, one.count])),
    now: new Date(),
  };
}

/** What was packaged here leaves for one archive's site; from there the others get it, so that it passes this link once. */
async function planFirstCopies(
  manager: EntityManager,
  here: Location,
  facts: RoutingFacts,
  plan: BundlingPlan,
): Promise<void> {
  const free = await freeTransfers(manager, here.id);
  const waiting = await rows<Candidate>(
    manager,
    `select p.id, p.bytes::float8 as size, extract(epoch from now() - p.packaged_at)::float8 as "waitedSeconds" from raw_data_package p
     where p.buffer_location_id = $1 and p.state = 'waiting' and not exists (
       select from data_transfer_item i where i.raw_data_package_id = p.id and i.status = 'left' and i.closed_at > now() - ${LEFT_OUT})
     order by p.created_at, p.id limit $2 for update`,
    [here.id, free * plan.maxPackages],
  );
  const lastUsed = await lastUsedSites(manager, here.id);
  for (const bundle of bundlesOf(waiting, plan).slice(0, free)) {
    const chosen = primaryDestination(here, facts, { ...NOTHING_SENT, lastUsed });
    if ('reasons' in chosen) {
      assertSomeWayOut(here, facts, chosen.reasons);
      return;
    }
    await insertTransfer(manager, here, chosen.hop, bundle, facts);
    await rows(
      manager,
      `update raw_data_package set state = 'transferring', data_transfer_package_id =
         (select data_transfer_package_id from data_transfer_item i join data_transfer t on t.id = i.data_transfer_id
          where i.raw_data_package_id = raw_data_package.id and i.status = 'pending')
       where id = any($1::uuid[])`,
      [bundle.map((one) => one.id)],
    );
    lastUsed.set(chosen.site, Date.now());
  }
}

/** Routes that are full or closed for the hour open again by themselves; where there is none at all, a person is needed. */
function assertSomeWayOut(here: Location, { routes: all }: RoutingFacts, reasons: string[]): void {
  if (all.some((route) => route.active && route.origin === here.site)) return;
  throw new ConfigurationError(
    `no active route leads from ${here.site}.${here.name} to a buffer at a site with a long-term archive: ${reasons.join('; ')}`,
    {
      operation: 'data_transfer_package_creation',
      subject: `${here.site}.${here.name}`,
      advice: 'add a route to the topology, or activate one',
    },
  );
}

/** When each archive's site was last sent a first copy from this buffer. A relay's hop counts for its station's site. */
async function lastUsedSites(manager: EntityManager, originLocationId: string): Promise<Map<string, number>> {
  const found = await rows<{ site: string; at: Date }>(
    manager,
    `select s.short_name as site, max(t.created_at) as at from data_transfer t
     join data_location l on l.id = t.destination_location_id join site s on s.id = l.site_id
     where t.origin_location_id = $1 group by s.short_name`,
    [originLocationId],
  );
  return new Map(found.map(({ site, at }) => [site, at.getTime()]));
}

/**
 * What came to this buffer goes on to each archive's site that lacks it. At a site with an archive of its own it must
 * lie there first; at a station without one it goes on to one site, and from there to the others.
 */
async function planFurtherCopies(
  manager: EntityManager,
  here: Location,
  facts: RoutingFacts,
  plan: BundlingPlan,
): Promise<void> {
  const sites = archiveSites(facts.locations);
  const hasArchive = sites.includes(here.site);
  for (const site of sites.filter((one) => one !== here.site)) {
    const found = nextHop(here, site, facts);
    if ('reasons' in found) continue;
    const free = await freeTransfers(manager, here.id);
    const lacking = await lackingAt(manager, here, site, hasArchive, free * plan.maxPackages);
    for (const bundle of bundlesOf(lacking, plan).slice(0, free))
      await insertTransfer(manager, here, found.hop, bundle, facts);
  }
}

async function lackingAt(
  manager: EntityManager,
  here: Location,
  site: string,
  hasArchive: boolean,
  most: number,
): Promise<Candidate[]> {
  const archived = `select from physical_copy a join data_location l on l.id = a.data_location_id and l.location_type = 'long_term_archive'
    join site s on s.id = l.site_id where a.raw_data_package_id = p.id and a.state = 'present' and a.verified_at is not null`;
  return await rows<Candidate>(
    manager,
    `select p.id, p.bytes::float8 as size, extract(epoch from now() - c.created_at)::float8 as "waitedSeconds"
     from physical_copy c join raw_data_package p on p.id = c.raw_data_package_id
     where c.data_location_id = $1 and c.state = 'present' and c.verified_at is not null
       and p.buffer_location_id <> c.data_location_id and p.state <> 'failed'
       and ${hasArchive ? `exists (${archived} and s.short_name = $3)` : `$3::text is not null and not exists (${archived})`}
       and not exists (${archived} and s.short_name = $2)
       and not exists (
         select from physical_copy b join data_location l on l.id = b.data_location_id and l.location_type = 'buffer'
         join site s on s.id = l.site_id and s.short_name = $2
         where b.raw_data_package_id = p.id and b.state = 'present' and b.verified_at is not null)
       and not exists (
         select from data_transfer_item i join data_location l on l.id = i.destination_location_id
         join site s on s.id = l.site_id
         where i.raw_data_package_id = p.id and (
           (i.status = 'pending' and (s.short_name = $2 or not $4))
           or (i.status = 'left' and s.short_name = $2 and i.closed_at > now() - ${LEFT_OUT})
           or (i.status = 'failed' and s.short_name = $2)))
     order by p.created_at, p.id limit $5 for update of p`,
    [here.id, site, here.site, hasArchive, most],
  );
}

function bundlesOf(candidates: Candidate[], plan: BundlingPlan): Candidate[][] {
  const limits = {
    maxBytes: plan.maxBytes,
    maxFiles: plan.maxPackages,
    maxAgeSeconds: plan.maxAgeSeconds ?? 0,
  };
  return closedGroups(groupEntries(candidates, limits), limits);
}

async function freeTransfers(manager: EntityManager, originLocationId: string): Promise<number> {
  const open = await row<{ count: number }>(
    manager,
    'select count(*)::integer as count from data_transfer where origin_location_id = $1 and completed_at is null',
    [originLocationId],
  );
  return Math.max(0, MOST_OPEN - (open?.count ?? 0));
}

async function insertTransfer(
  manager: EntityManager,
  here: Location,
  { route, buffer }: Hop,
  bundle: Candidate[],
  facts: RoutingFacts,
): Promise<void> {
  const [bundleId, transferId] = [uniqueId(), uniqueId()];
  const name = dataTransferPackageName({ origin: here.site, destination: buffer.site, id: bundleId });
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
    [transferId, bundleId, route.id, here.id, buffer.id],
  );
  await rows(
    manager,
    `insert into data_transfer_item (data_transfer_id, raw_data_package_id, destination_location_id, status)
     select $1, id, $2, 'pending' from unnest($3::uuid[]) as id`,
    [transferId, buffer.id, bundle.map((one) => one.id)],
  );
  (facts.openTransfers as Map<string, number>).set(route.id, (facts.openTransfers.get(route.id) ?? 0) + 1);
  const told = { name, route: route.name, packages: bundle.length, bytes };
  await audit(manager, 'transfer_planned', { table: 'data_transfer', id: transferId }, told);
}

/** What has not begun, oldest first, and some of what is under way. */
async function openTransfers(manager: EntityManager, originLocationId: string): Promise<DataTransferPlan[]> {
  return await rows(
    manager,
    `with open as (
       (select * from data_transfer where origin_location_id = $1 and status = 'pending' order by created_at, id limit ${MOST_OPEN})
       union all
       (select * from data_transfer where origin_location_id = $1 and status = 'in_progress' order by random() limit ${TOLD_AGAIN})
     )
     select t.id, d.name, d.package_count as "packageCount", d.bytes::float8 as bytes,
       (array_agg(distinct u.name))[1:${MOST_NAMES}] as observations, (array_agg(p.name order by p.name))[1:${MOST_NAMES}] as packages,
       json_build_object('site', os.short_name, 'location', o.name) as origin,
       json_build_object('site', ts.short_name, 'location', target.name) as destination
     from open t
     join data_location o on o.id = t.origin_location_id join site os on os.id = o.site_id
     join data_location target on target.id = t.destination_location_id join site ts on ts.id = target.site_id
     join data_transfer_package d on d.id = t.data_transfer_package_id
     join data_transfer_item i on i.data_transfer_id = t.id
     join raw_data_package p on p.id = i.raw_data_package_id
     join executed_obs_unit u on u.id = p.executed_obs_unit_id
     group by t.id, t.created_at, d.id, d.name, d.package_count, d.bytes, o.id, o.name, os.id, os.short_name, target.id, target.name,
       ts.id, ts.short_name
     order by t.created_at, t.id`,
    [originLocationId],
  );
}
