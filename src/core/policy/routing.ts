import type { Location, Route } from '../database/records.js';

/** Where the places are and how they are joined. */
export interface RoutingFacts {
  locations: Location[];
  routes: Route[];
  /** Transfers under way over each route, by its ID. */
  openTransfers: ReadonlyMap<string, number>;
  now: Date;
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
 */
export function nextHop(origin: Location, site: string, facts: RoutingFacts): HopOrReasons {
  const reasons: string[] = [];
  for (const route of explicitRoutes(origin, site, facts)) {
    const found = route.routeType === 'relay' ? hopToStation(origin, route, facts) : hopOver(route, facts);
    if ('hop' in found) return found;
    reasons.push(...found.reasons);
  }
  const chain = firstOfChain(origin, site, facts);
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

function hopToStation(origin: Location, relay: Route, facts: RoutingFacts): HopOrReasons {
  const closed = whyClosed(relay, facts);
  if (closed !== undefined) return { reasons: [closed] };
  const reasons: string[] = [];
  const station = relay.via ?? '';
  for (const route of explicitRoutes(origin, station, facts).filter((one) => one.routeType !== 'relay')) {
    const found = hopOver(route, facts);
    if ('hop' in found) return found;
    reasons.push(...found.reasons);
  }
  return {
    reasons:
      reasons.length > 0 ? reasons : [`${relay.name}: no route leads from ${origin.site} to ${station}`],
  };
}

function hopOver(route: Route, facts: RoutingFacts): HopOrReasons {
  const closed = whyClosed(route, facts);
  if (closed !== undefined) return { reasons: [closed] };
  const buffer = primaryBuffer(facts.locations, route.destination, route.destinationLocation);
  if (buffer !== undefined) return { hop: { route, buffer } };
  const wanted =
    route.destinationLocation === undefined
      ? 'no active buffer'
      : `no active buffer ${route.destinationLocation}`;
  return { reasons: [`${route.name}: ${route.destination} has ${wanted}`] };
}

/** Breadth first over direct routes: the first hop of the shortest chain to the site. */
function firstOfChain(origin: Location, site: string, facts: RoutingFacts): Hop | undefined {
  const open = facts.routes
    .filter((one) => one.routeType === 'direct')
    .sort((a, b) => a.priority - b.priority || a.name.localeCompare(b.name));
  const seen = new Set([origin.site]);
  let frontier: { at: string; first?: Hop }[] = [{ at: origin.site }];
  while (frontier.length > 0) {
    const next: typeof frontier = [];
    for (const { at, first } of frontier) {
      for (const route of open.filter((one) => one.origin === at && !seen.has(one.destination))) {
        const found = hopOver(route, facts);
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

/** The buffer of a site that is used: the named one, else the first by priority; only one that is switched on. */
export function primaryBuffer(locations: Location[], site: string, name?: string): Location | undefined {
  return locations
    .filter(
      (one) =>
        one.site === site && one.locationType === 'buffer' && one.active && (name ?? one.name) === one.name,
    )
    .sort((a, b) => a.priority - b.priority || a.name.localeCompare(b.name))[0];
}

/** Why a route takes nothing new now, in one sentence; undefined when it does. */
export function whyClosed(route: Route, { openTransfers, now }: RoutingFacts): string | undefined {
  if (!route.active) return `${route.name} is switched off`;
  if (route.hours !== undefined && !route.hours.some((one) => isWithin(one, now)))
    return `${route.name} is used only ${route.hours.map(({ from, to }) => `from ${from} to ${to}`).join(' and ')} UTC`;
  const open = openTransfers.get(route.id) ?? 0;
  if (route.maxTransfers !== undefined && open >= route.maxTransfers)
    return `${route.name} has ${open} of at most ${route.maxTransfers} transfers under way`;
  return undefined;
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

/**
 * The site that gets the first copy of what leaves a buffer. Round robin: of those that can be reached, the one that was
 * chosen longest ago; so each archive's site gets its turn, and no pointer has to be kept.
 *
 * @param lastUsed when each site was last sent a first copy from here, in milliseconds
 */
export function primaryDestination(
  origin: Location,
  facts: RoutingFacts,
  lastUsed: ReadonlyMap<string, number>,
): { site: string; hop: Hop } | { reasons: string[] } {
  const reasons: string[] = [];
  const ways: { site: string; hop: Hop }[] = [];
  for (const site of archiveSites(facts.locations).filter((one) => one !== origin.site)) {
    const found = nextHop(origin, site, facts);
    if ('hop' in found) ways.push({ site, hop: found.hop });
    else reasons.push(...found.reasons);
  }
  const last = ({ site }: { site: string }) => lastUsed.get(site) ?? -Infinity;
  ways.sort((a, b) => compare(last(a), last(b)) || a.hop.route.priority - b.hop.route.priority);
  const [chosen] = ways;
  if (chosen !== undefined) return chosen;
  return { reasons: reasons.length > 0 ? reasons : ['no site has an active long-term archive'] };
}

/** Differences of infinities are no numbers. */
function compare(a: number, b: number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
