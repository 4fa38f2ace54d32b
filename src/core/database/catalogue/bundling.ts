import type { EntityManager } from 'typeorm';
import { ConfigurationError } from '../../exceptions.js';
import { closedGroups, groupEntries } from '../../policy/grouping.js';
import { primaryDestination } from '../../policy/primary-destination.js';
import { archiveSites, nextHop, type Hop, type RoutingFacts } from '../../policy/routing.js';
import { dataTransferPackageName } from '../../utilities/naming.js';
import { uniqueId } from '../../utilities/unique-id.js';
import type { PrimaryPolicy } from '../../policy/primary-destination.js';
import type { DataTransferPlan, Location } from '../records.js';
import { audit } from './audit.js';
import { breakers } from './breakers.js';
import { diskFacts, lockSpace, type DiskPolicy } from './measurements.js';
import { MOST_OPEN, openTransfers } from './open-transfers.js';
import { lock, row, rows } from './sql.js';
import { locationById, locations, routes } from './topology.js';
import { recordVerdict } from './verdicts.js';

export interface BundlingPlan {
  bufferLocationId: string;
  maxPackages: number;
  /** Of the packages' tars. */
  maxBytes: number;
  /** A bundle that could hold more is sent when its oldest package waited for so long; at once where absent. */
  maxAgeSeconds?: number;
  /** How disks are judged. Without it, nothing is known of them. */
  disks?: DiskPolicy;
  /** How the site of a first copy is chosen, and how far back routes are looked at for it. */
  primary?: { policy: PrimaryPolicy; windowSeconds: number };
  /** Under which its verdict is kept. */
  plannerId?: string;
}

/** Of a transfer `t`: that its journey does not wait for an operator. */
const NOT_HOPELESS = `not exists (
  select from problem where workflow_id = 'data-transfer/' || t.id and resolved_at is null)`;
/** What an operator left out of a transfer is sent again after this time. */
const LEFT_OUT = `interval '1 hour'`;

export interface Candidate {
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
  if (plan.disks !== undefined) await lockSpace(manager);
  const facts = await routingFacts(manager, plan.disks);
  const found: Found = { planned: 0, reasons: [] };
  if (here.active) {
    await planFirstCopies(manager, here, facts, plan, found);
    await planFurtherCopies(manager, here, facts, plan, found);
  }
  if (plan.plannerId !== undefined)
    await recordVerdict(manager, plan.plannerId, found.planned, found.reasons);
  return await openTransfers(manager, bufferLocationId);
}

/** What planning came to: bundles that were planned, and why others were not. */
interface Found {
  planned: number;
  reasons: string[];
}

export async function routingFacts(manager: EntityManager, disks?: DiskPolicy): Promise<RoutingFacts> {
  // What waits for an operator moves nothing: it must not keep a route from those that could use it.
  const open = await rows<{ id: string; count: number }>(
    manager,
    `select route_id as id, count(*)::integer as count from data_transfer t
     where completed_at is null and ${NOT_HOPELESS} group by route_id`,
  );
  const ofRoutes = await breakers(manager, 'route');
  return {
    locations: await locations(manager),
    routes: await routes(manager),
    openTransfers: new Map(open.map((one) => [one.id, one.count])),
    breakers: new Map(ofRoutes.map((one) => [one.name, one.breaker])),
    disks: disks === undefined ? undefined : await diskFacts(manager, disks),
    now: new Date(),
  };
}

/** What was packaged here leaves for one archive's site; from there the others get it, so that it passes this link once. */
async function planFirstCopies(
  manager: EntityManager,
  here: Location,
  facts: RoutingFacts,
  plan: BundlingPlan,
  found: Found,
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
  const sent = await sentFrom(manager, here.id, plan.primary?.windowSeconds);
  const policy = plan.primary?.policy;
  for (const whole of bundlesOf(waiting, plan).slice(0, free)) {
    const { bundle, way: chosen } = fitting(whole, (bytes) =>
      primaryDestination(here, facts, sent, { policy, bytes }),
    );
    if ('reasons' in chosen) {
      assertSomeWayOut(here, facts, chosen.reasons);
      found.reasons.push(...chosen.reasons);
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
    found.planned += 1;
    sent.lastUsed.set(chosen.site, Date.now());
    sent.bytes.set(chosen.site, (sent.bytes.get(chosen.site) ?? 0) + bytesOf(bundle));
  }
}

/** As much of a bundle as finds a way: all of it, else half, and so on down to one package. */
function fitting<Way extends object>(
  whole: Candidate[],
  wayFor: (bytes: number) => Way | { reasons: string[] },
): { bundle: Candidate[]; way: Way | { reasons: string[] } } {
  let bundle = whole;
  for (;;) {
    const way = wayFor(bytesOf(bundle));
    if (!('reasons' in way) || bundle.length <= 1) return { bundle, way };
    bundle = bundle.slice(0, Math.ceil(bundle.length / 2));
  }
}

function bytesOf(bundle: Candidate[]): number {
  return bundle.reduce((sum, one) => sum + one.size, 0);
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

/** How far back it is looked at what was sent, unless told otherwise, in seconds. */
const LATELY = 86_400;

/** What was sent from a buffer lately, by site and by route. A relay's hop counts for its station's site. */
async function sentFrom(
  manager: EntityManager,
  originLocationId: string,
  windowSeconds = LATELY,
): Promise<{ lastUsed: Map<string, number>; bytes: Map<string, number>; rates: Map<string, number> }> {
  const sites = await rows<{ site: string; at: Date; bytes: number }>(
    manager,
    `select s.short_name as site, max(last.at) as at, coalesce(sum(lately.bytes), 0)::float8 as bytes
     from data_location l join site s on s.id = l.site_id
     cross join lateral (
       select max(created_at) as at from data_transfer where origin_location_id = $1 and destination_location_id = l.id) last
     left join lateral (
       select sum(d.bytes) as bytes from data_transfer t join data_transfer_package d on d.id = t.data_transfer_package_id
       where t.origin_location_id = $1 and t.destination_location_id = l.id and t.created_at > now() - make_interval(secs => $2)) lately on true
     where l.location_type = 'buffer' and last.at is not null group by s.short_name`,
    [originLocationId, windowSeconds],
  );
  const rates = await rows<{ route: string; rate: number }>(
    manager,
    `select route_id as route, (sum(bytes_sent) / sum(send_seconds))::float8 as rate from data_transfer
     where origin_location_id = $1 and completed_at > now() - make_interval(secs => $2) and bytes_sent > 0
     group by route_id having sum(send_seconds) > 0`,
    [originLocationId, windowSeconds],
  );
  return {
    lastUsed: new Map(sites.map(({ site, at }) => [site, at.getTime()])),
    bytes: new Map(sites.map(({ site, bytes }) => [site, bytes])),
    rates: new Map(rates.map(({ route, rate }) => [route, rate])),
  };
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
  found: Found,
): Promise<void> {
  const sites = archiveSites(facts.locations);
  const hasArchive = sites.includes(here.site);
  for (const site of sites.filter((one) => one !== here.site)) {
    const free = await freeTransfers(manager, here.id);
    const lacking = await lackingAt(manager, here, site, hasArchive, free * plan.maxPackages);
    for (const whole of bundlesOf(lacking, plan).slice(0, free)) {
      const { bundle, way } = fitting(whole, (bytes) => nextHop(here, site, facts, bytes));
      if ('reasons' in way) {
        found.reasons.push(...way.reasons);
        break;
      }
      await insertTransfer(manager, here, way.hop, bundle, facts);
      found.planned += 1;
    }
  }
}

/** Of a package `p`: that an archive copy at the site `$2` is damaged. Whatever buffer has it sends it then, also the one it was made in. */
const DAMAGED_AT = `exists (
  select from archive_damage d join physical_copy x on x.id = d.physical_copy_id join data_location l on l.id = x.data_location_id
  join site s on s.id = l.site_id where x.raw_data_package_id = p.id and d.repaired_at is null and s.short_name = $2)`;

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
     where c.data_location_id = $1 and c.state = 'present' and p.state <> 'failed' and $3::text is not null
       and (${DAMAGED_AT} or (c.verified_at is not null and p.buffer_location_id <> c.data_location_id
         and ${hasArchive ? `exists (${archived} and s.short_name = $3)` : `not exists (${archived})`}))
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
    `select count(*)::integer as count from data_transfer t
     where origin_location_id = $1 and completed_at is null and ${NOT_HOPELESS}`,
    [originLocationId],
  );
  return Math.max(0, MOST_OPEN - (open?.count ?? 0));
}

/** Plans a transfer of these packages over a hop. */
export async function insertTransfer(
  manager: EntityManager,
  here: Location,
  { route, buffer }: Hop,
  bundle: Candidate[],
  facts: RoutingFacts,
): Promise<string> {
  const [bundleId, transferId] = [uniqueId(), uniqueId()];
  const name = dataTransferPackageName({ origin: here.site, destination: buffer.site, id: bundleId });
  const bytes = bytesOf(bundle);
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
  const disk = facts.disks?.get(buffer.id);
  if (disk !== undefined) disk.promisedBytes += bytes;
  return transferId;
}
