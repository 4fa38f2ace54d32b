import type { Location, Route } from '../database/records.js';
import { whyLeftAlone, type Breaker } from './breaker.js';
import { capacityOf, whyNotOnto, type DiskFacts } from './buffer-space.js';

/** Where the places are and how they are joined. */
export interface RoutingFacts {
  locations: Location[];
  routes: Route[];
  /** Transfers under way over each route, by its ID. */
  openTransfers: ReadonlyMap<string, number>;
  now: Date;
  /** The breaker of each route that has one, by the route's name. */
  breakers?: ReadonlyMap<string, Breaker>;
  /** The disks that were measured, by the ID of their location. */
  disks?: ReadonlyMap<string, DiskFacts>;
}

/** The next hop of a journey: over this route into this buffer. */
export interface Hop {
  route: Route;
  buffer: Location;
}

/** A hop, or one sentence for each way that is there and can't be taken now. */
export type HopOrReasons = { hop: Hop } | { reasons: string[] };

/**
 * The next hop from a buffer towards a site: a custom route of these very locations, else the site's own routes by priority
 * (a relay's hop leads to its station), else the shortest chain of direct routes there is.
 *
 * @param bytes that the hop's buffer must have room for
 */
export function nextHop(origin: Location, site: string, facts: RoutingFacts, bytes = 0): HopOrReasons {
  const reasons: string[] = [];
  for (const route of explicitRoutes(origin, site, facts)) {
    const found =
      route.routeType === 'relay' ? hopToStation(origin, route, facts, bytes) : hopOver(route, facts, bytes);
    if ('hop' in found) return found;
    reasons.push(...found.reasons);
  }
  const chain = firstOfChain(origin, site, facts, bytes);
  if (chain !== undefined) return { hop: chain };
  return { reasons: reasons.length > 0 ? reasons : [`no route leads from ${origin.site} to ${site}`] };
}

/** Custom ones first, and of those the ones that name more; then by priority and name. */
function explicitRoutes(origin: Location, site: string, { routes }: RoutingFacts): Route[] {
  const fitting = routes.filter(
    (one) =>
      one.origin === origin.site &&
      one.destination === site &&
      (one.originLocation === undefined || one.originLocation === origin.name),
  );
  const named = (one: Route) =>
    Number(one.originLocation !== undefined) + Number(one.destinationLocation !== undefined);
  return fitting.sort(
    (a, b) => named(b) - named(a) || a.priority - b.priority || a.name.localeCompare(b.name),
  );
}

function hopToStation(origin: Location, relay: Route, facts: RoutingFacts, bytes: number): HopOrReasons {
  const closed = whyClosed(relay, facts);
  if (closed !== undefined) return { reasons: [closed] };
  const reasons: string[] = [];
  const station = relay.via ?? '';
  for (const route of explicitRoutes(origin, station, facts).filter((one) => one.routeType !== 'relay')) {
    const found = hopOver(route, facts, bytes);
    if ('hop' in found) return found;
    reasons.push(...found.reasons);
  }
  return {
    reasons:
      reasons.length > 0 ? reasons : [`${relay.name}: no route leads from ${origin.site} to ${station}`],
  };
}

function hopOver(route: Route, facts: RoutingFacts, bytes: number): HopOrReasons {
  const closed = whyClosed(route, facts);
  if (closed !== undefined) return { reasons: [closed] };
  const { destination, destinationLocation } = route;
  const found = primaryBuffer(facts, destination, {
    name: destinationLocation,
    bytes,
    what: 'sending there',
  });
  if ('buffer' in found) return { hop: { route, buffer: found.buffer } };
  return { reasons: found.reasons.map((reason) => `${route.name}: ${reason}`) };
}

/** Breadth first over direct routes: the first hop of the shortest chain to the site. */
function firstOfChain(origin: Location, site: string, facts: RoutingFacts, bytes: number): Hop | undefined {
  const open = facts.routes
    .filter((one) => one.routeType === 'direct')
    .sort((a, b) => a.priority - b.priority || a.name.localeCompare(b.name));
  const seen = new Set([origin.site]);
  let frontier: { at: string; first?: Hop }[] = [{ at: origin.site }];
  while (frontier.length > 0) {
    const next: typeof frontier = [];
    for (const { at, first } of frontier) {
      for (const route of open.filter((one) => one.origin === at && !seen.has(one.destination))) {
        const found = hopOver(route, facts, bytes);
        if (!('hop' in found)) continue;
        const begun = first ?? found.hop;
        if (route.destination === site) return begun;
        seen.add(route.destination);
        next.push({ at: route.destination, first: begun });
      }
    }
    frontier = next;
  }
  return undefined;
}

/**
 * The buffer of a site that is used: the named one, else the first by priority; only one that is switched on, works, and has room
 * below the level `high`; where none has, below `critical`. Else one sentence for each that is there and can't be taken now.
 *
 * @param wanted.what would be done with it: "packaging", "sending there"
 * @param wanted.whole whether the bytes are one thing that no buffer could ever take: then it is tried, so that a person is asked
 */
export function primaryBuffer(
  { locations, disks }: Pick<RoutingFacts, 'locations' | 'disks'>,
  site: string,
  wanted: { name?: string; bytes?: number; what?: string; whole?: boolean } = {},
): { buffer: Location } | { reasons: string[] } {
  const { name, what = 'work', whole = false } = wanted;
  const buffers = locations
    .filter(
      (one) =>
        one.site === site && one.locationType === 'buffer' && one.active && (name ?? one.name) === one.name,
    )
    .sort((a, b) => a.priority - b.priority || a.name.localeCompare(b.name));
  const hopeless = whole && buffers.every(({ id }) => capacityOf(disks?.get(id)) < (wanted.bytes ?? 0));
  const bytes = hopeless ? 0 : (wanted.bytes ?? 0);
  let reasons: string[] = [];
  for (const limit of ['high', 'critical'] as const) {
    reasons = [];
    for (const buffer of buffers) {
      const why = whyNotOnto(disks?.get(buffer.id), bytes, `${site}.${buffer.name}`, what, limit);
      if (why === undefined) return { buffer };
      reasons.push(why);
    }
  }
  const none = `${site} has no active buffer${name === undefined ? '' : ` ${name}`}`;
  return { reasons: reasons.length > 0 ? reasons : [none] };
}

/** Why a route takes nothing new now, in one sentence; undefined when it does. */
export function whyClosed(route: Route, { openTransfers, now, breakers }: RoutingFacts): string | undefined {
  if (!route.active) return `${route.name} is switched off`;
  if (route.hours !== undefined && !route.hours.some((one) => isWithin(one, now)))
    return `${route.name} is used only ${route.hours.map(({ from, to }) => `from ${from} to ${to}`).join(' and ')} UTC`;
  const open = openTransfers.get(route.id) ?? 0;
  if (route.maxTransfers !== undefined && open >= route.maxTransfers)
    return `${route.name} has ${open} of at most ${route.maxTransfers} transfers under way`;
  const alone = whyLeftAlone(breakers?.get(route.name), now.getTime(), open);
  return alone === undefined ? undefined : `${route.name} ${alone}`;
}

/** Hours of the day, UTC; a window that ends before it begins goes over midnight. */
function isWithin({ from, to }: { from: string; to: string }, now: Date): boolean {
  const minutes = now.getUTCHours() * 60 + now.getUTCMinutes();
  const [begin, end] = [from, to].map((time) => {
    const [hours = 0, rest = 0] = time.split(':').map(Number);
    return hours * 60 + rest;
  }) as [number, number];
  return begin <= end ? minutes >= begin && minutes < end : minutes >= begin || minutes < end;
}

/** The sites that keep archives that are in use. */
export function archiveSites(locations: Location[]): string[] {
  const archives = locations.filter((one) => one.locationType === 'long_term_archive' && one.active);
  return [...new Set(archives.map((one) => one.site))].sort();
}
