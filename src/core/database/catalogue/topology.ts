import type { EntityManager } from 'typeorm';
import { ConfigurationError, type JsonValue } from '../../exceptions.js';
import { uniqueId } from '../../utilities/unique-id.js';
import { DataLocationEntity } from '../entities/data-location.js';
import type { DataTransferRouteEntity } from '../entities/data-transfer-route.js';
import { SiteEntity } from '../entities/site.js';
import type { Location, Route, Topology } from '../records.js';
import { audit } from './audit.js';
import { oneOf } from './one-of.js';
import { row, rows, withoutNulls, type Nullable } from './sql.js';

export async function ensureTopology(manager: EntityManager, described: Topology): Promise<void> {
  for (const site of described.sites) await ensureSite(manager, site);
  for (const location of described.locations) await ensureLocation(manager, location);
  for (const route of described.routes) await ensureRoute(manager, route);
}

export async function wholeTopology(manager: EntityManager): Promise<Topology> {
  const sites = await manager.find(SiteEntity, { order: { shortName: 'asc' } });
  return {
    sites: sites.map(({ shortName, name }) => ({ shortName, name })),
    locations: await locations(manager),
    routes: await routes(manager),
  };
}

/** All locations, or those of the sites `$1` names where it names any. */
const LOCATIONS = (where = '') => `
  select l.id, s.short_name as site, l.name, l.location_type as "locationType", l.storage_type as "storageType", l.priority, l.active,
    l.path, l.bucket, l.endpoint, l.deletable, l.failure_domain as "failureDomain"
  from data_location l join site s on s.id = l.site_id ${where} order by s.short_name, l.priority, l.name`;
const ROUTES = `
  select r.id, r.name, o.short_name as origin, d.short_name as destination, r.route_type as "routeType", v.short_name as via,
    ol.name as "originLocation", dl.name as "destinationLocation", r.transport, r.priority, r.active,
    r.max_transfers as "maxTransfers", r.max_bytes_per_second::float8 as "maxBytesPerSecond", r.hours, r.options
  from data_transfer_route r join site o on o.id = r.origin_site_id join site d on d.id = r.destination_site_id
  left join site v on v.id = r.via_site_id left join data_location ol on ol.id = r.origin_location_id
  left join data_location dl on dl.id = r.destination_location_id order by r.priority, r.name`;

/** What to ask for the whole topology, and how to read the answers. */
export const TOPOLOGY = { locations: LOCATIONS(), routes: ROUTES };

export interface TopologyRows {
  locations: Nullable<Location>;
  routes: Nullable<Route>;
}

export function topologyOf(found: { [K in keyof TopologyRows]: TopologyRows[K][] }) {
  return { locations: found.locations.map(withoutNulls), routes: found.routes.map(withoutNulls) };
}

export async function locations(manager: EntityManager, site?: string): Promise<Location[]> {
  const found =
    site === undefined
      ? await rows<Nullable<Location>>(manager, LOCATIONS())
      : await rows<Nullable<Location>>(manager, LOCATIONS('where s.short_name = $1'), [site]);
  return found.map(withoutNulls);
}

export async function location(manager: EntityManager, site: string, name: string): Promise<Location> {
  const found = await oneOf(manager, DataLocationEntity, { name, site: { shortName: site } }, { site: true });
  if (found === undefined) throw unknown('location', `${site}.${name}`);
  return toLocation(found);
}

export async function locationById(manager: EntityManager, id: string): Promise<Location> {
  const found = await oneOf(manager, DataLocationEntity, { id }, { site: true });
  if (found === undefined) throw unknown('location', id);
  return toLocation(found);
}

export async function routes(manager: EntityManager): Promise<Route[]> {
  return (await rows<Nullable<Route>>(manager, ROUTES)).map(withoutNulls);
}

/** A row as plain data; its site must have been read with it. */
export function toLocation(entity: DataLocationEntity): Location {
  return {
    id: entity.id,
    site: entity.site.shortName,
    name: entity.name,
    locationType: entity.locationType,
    storageType: entity.storageType,
    priority: entity.priority,
    active: entity.active,
    path: entity.path ?? undefined,
    bucket: entity.bucket ?? undefined,
    endpoint: entity.endpoint ?? undefined,
    deletable: entity.deletable,
    failureDomain: entity.failureDomain ?? undefined,
  };
}

/** What belongs to a route's row. */
export const OF_ROUTE = {
  originSite: true,
  destinationSite: true,
  originLocation: true,
  destinationLocation: true,
  viaSite: true,
} as const;

/** A row as plain data; what {@link OF_ROUTE} names must have been read with it. */
export function toRoute(entity: DataTransferRouteEntity): Route {
  return {
    id: entity.id,
    name: entity.name,
    origin: entity.originSite.shortName,
    destination: entity.destinationSite.shortName,
    routeType: entity.routeType,
    via: entity.viaSite?.shortName,
    originLocation: entity.originLocation?.name,
    destinationLocation: entity.destinationLocation?.name,
    transport: entity.transport,
    priority: entity.priority,
    active: entity.active,
    maxTransfers: entity.maxTransfers ?? undefined,
    maxBytesPerSecond: entity.maxBytesPerSecond ?? undefined,
    hours: entity.hours ?? undefined,
    options: entity.options,
  };
}

async function ensureSite(manager: EntityManager, site: Topology['sites'][number]): Promise<void> {
  const written = await row<{ id: string }>(
    manager,
    `insert into site as old (id, short_name, name) values ($1, $2, $3)
     on conflict (short_name) do update set name = excluded.name where old.name <> excluded.name
     returning id`,
    [uniqueId(), site.shortName, site.name],
  );
  if (written !== undefined)
    await audit(manager, 'site_described', { table: 'site', id: written.id }, { ...site });
}

async function ensureLocation(
  manager: EntityManager,
  described: Topology['locations'][number],
): Promise<void> {
  const { site, name, locationType, storageType, priority, active, path, bucket, endpoint, deletable } =
    described;
  const failureDomain = described.failureDomain ?? null;
  // Compared as rows, so that a description that is already so writes nothing.
  const written = await row<{ id: string }>(
    manager,
    `insert into data_location as old
       (id, site_id, name, location_type, storage_type, priority, active, path, bucket, endpoint, deletable, failure_domain)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
     on conflict (site_id, name) do update set
       location_type = excluded.location_type, storage_type = excluded.storage_type, priority = excluded.priority,
       active = excluded.active, path = excluded.path, bucket = excluded.bucket, endpoint = excluded.endpoint,
       deletable = excluded.deletable, failure_domain = excluded.failure_domain,
       marked_at = case when old.path is distinct from excluded.path then null else old.marked_at end
     where (old.location_type, old.storage_type, old.priority, old.active, old.path, old.bucket, old.endpoint, old.deletable,
         old.failure_domain)
       is distinct from (excluded.location_type, excluded.storage_type, excluded.priority, excluded.active, excluded.path,
         excluded.bucket, excluded.endpoint, excluded.deletable, excluded.failure_domain)
     returning id`,
    [
      uniqueId(),
      await siteId(manager, site),
      name,
      locationType,
      storageType,
      priority,
      active,
      path,
      bucket,
      endpoint,
      deletable,
      failureDomain,
    ],
  );
  if (written === undefined) return;
  const facts = {
    site,
    name,
    locationType,
    storageType,
    priority,
    active,
    path: path ?? null,
    bucket: bucket ?? null,
    deletable,
    failureDomain,
  };
  await audit(manager, 'location_described', { table: 'data_location', id: written.id }, facts);
}

/** The columns of a route that its description tells, in the order of {@link routeValues}. */
const ROUTE_COLUMNS = [
  'origin_site_id',
  'destination_site_id',
  'route_type',
  'via_site_id',
  'origin_location_id',
  'destination_location_id',
  'transport',
  'priority',
  'active',
  'max_transfers',
  'max_bytes_per_second',
  'hours',
  'options',
];

async function ensureRoute(manager: EntityManager, described: Topology['routes'][number]): Promise<void> {
  const list = (prefix: string) => ROUTE_COLUMNS.map((column) => `${prefix}${column}`).join(', ');
  const places = ROUTE_COLUMNS.map((_, index) => `$${index + 3}`).join(', ');
  const written = await row<{ id: string }>(
    manager,
    `insert into data_transfer_route as old (id, name, ${list('')}) values ($1, $2, ${places})
     on conflict (name) do update set ${ROUTE_COLUMNS.map((column) => `${column} = excluded.${column}`).join(', ')}
     where (${list('old.')}) is distinct from (${list('excluded.')})
     returning id`,
    [uniqueId(), described.name, ...(await routeValues(manager, described))],
  );
  if (written === undefined) return;
  // Options name hosts and key files, which are the route's business alone.
  const facts = withoutUndefined({ ...described, options: undefined });
  await audit(manager, 'route_described', { table: 'data_transfer_route', id: written.id }, facts);
}

async function routeValues(
  manager: EntityManager,
  described: Topology['routes'][number],
): Promise<unknown[]> {
  const { origin, destination, via, originLocation, destinationLocation } = described;
  const locationId = async (site: string, name: string | undefined) =>
    name === undefined ? null : (await location(manager, site, name)).id;
  return [
    await siteId(manager, origin),
    await siteId(manager, destination),
    described.routeType,
    via === undefined ? null : await siteId(manager, via),
    await locationId(origin, originLocation),
    await locationId(destination, destinationLocation),
    described.transport,
    described.priority,
    described.active,
    described.maxTransfers ?? null,
    described.maxBytesPerSecond ?? null,
    described.hours === undefined ? null : JSON.stringify(described.hours),
    JSON.stringify(described.options),
  ];
}

function withoutUndefined(facts: object): Record<string, JsonValue> {
  return JSON.parse(JSON.stringify(facts)) as Record<string, JsonValue>;
}

async function siteId(manager: EntityManager, shortName: string): Promise<string> {
  const found = await row<{ id: string }>(manager, 'select id from site where short_name = $1', [shortName]);
  if (found === undefined) throw unknown('site', shortName);
  return found.id;
}

function unknown(what: string, name: string): ConfigurationError {
  return new ConfigurationError(`the catalogue has no ${what} ${name}`, {
    subject: name,
    advice: 'compare the name with the topology that was described to the catalogue',
  });
}
