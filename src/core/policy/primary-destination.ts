import type { Location } from '../database/records.js';
import { promisedSpace } from './buffer-space.js';
import { archiveSites, nextHop, type Hop, type RoutingFacts } from './routing.js';

/**
 * How the site that gets the first copy of what leaves a buffer is chosen among those that can be reached now.
 * - `round_robin`: the one that was chosen longest ago; so each gets its turn, and no pointer has to be kept
 * - `free_space`: the one whose buffer has most bytes free
 * - `observed_rate`: the one whose route was fastest lately
 * - `weighted`: each in proportion to the free bytes of its buffer and the rate of its route
 */
export const PRIMARY_POLICIES = ['round_robin', 'free_space', 'observed_rate', 'weighted'] as const;
export type PrimaryPolicy = (typeof PRIMARY_POLICIES)[number];

/** What was sent from a buffer lately. */
export interface Sent {
  /** When each site was last sent a first copy from here, in milliseconds. */
  lastUsed: ReadonlyMap<string, number>;
  /** Bytes that each site was sent lately. */
  bytes: ReadonlyMap<string, number>;
  /** Bytes per second of recent transfers over each route, by its ID. */
  rates: ReadonlyMap<string, number>;
}

export const NOTHING_SENT: Sent = { lastUsed: new Map(), bytes: new Map(), rates: new Map() };

interface Way {
  site: string;
  hop: Hop;
}

/** The site that gets the next first copy and the hop that leads to it, or why none can be taken now. */
export function primaryDestination(
  origin: Location,
  facts: RoutingFacts,
  sent: Sent,
  options: { policy?: PrimaryPolicy; bytes?: number } = {},
): Way | { reasons: string[] } {
  const { policy = 'round_robin', bytes = 0 } = options;
  const reasons: string[] = [];
  const ways: Way[] = [];
  for (const site of archiveSites(facts.locations).filter((one) => one !== origin.site)) {
    const found = nextHop(origin, site, facts, bytes);
    if ('hop' in found) ways.push({ site, hop: found.hop });
    else reasons.push(...found.reasons);
  }
  const value = VALUES[policy](ways, facts, sent);
  const last = ({ site }: Way) => sent.lastUsed.get(site) ?? -Infinity;
  const [chosen] = ways.sort(
    (a, b) =>
      compare(value(b), value(a)) ||
      compare(last(a), last(b)) ||
      a.hop.route.priority - b.hop.route.priority ||
      a.site.localeCompare(b.site),
  );
  if (chosen !== undefined) return chosen;
  return {
    reasons: reasons.length > 0 ? [...new Set(reasons)] : ['no site has an active long-term archive'],
  };
}

/** For each policy, what a way is worth; the greatest is taken, and among equals the one that waited longest. */
const VALUES: Record<PrimaryPolicy, (ways: Way[], facts: RoutingFacts, sent: Sent) => (way: Way) => number> =
  {
    round_robin: () => () => 0,
    free_space: (_, facts) => (way) => freeBytes(way, facts) ?? -1,
    // A route that nobody knows is tried, or it would never be known; observations grow old, so that each is tried anew some time.
    observed_rate: (_, _facts, sent) => (way) => sent.rates.get(way.hop.route.id) ?? Infinity,
    weighted: (ways, facts, sent) => {
      const free = shares(ways, (way) => freeBytes(way, facts));
      const rate = shares(ways, (way) => sent.rates.get(way.hop.route.id));
      // The one that is furthest behind its share.
      return (way) => -((sent.bytes.get(way.site) ?? 0) + 1) / (free(way) * rate(way));
    },
  };

function freeBytes({ hop }: Way, { disks }: RoutingFacts): number | undefined {
  const disk = disks?.get(hop.buffer.id);
  return disk === undefined ? undefined : Math.max(0, promisedSpace(disk).freeBytes);
}

/** A weight above 0 for each way: its value; what is not known counts as the mean of what is. */
function shares(ways: Way[], of: (way: Way) => number | undefined): (way: Way) => number {
  const known = ways.map(of).filter((one) => one !== undefined);
  const mean = known.length === 0 ? 1 : known.reduce((sum, one) => sum + one, 0) / known.length;
  return (way) => Math.max(1, of(way) ?? mean);
}

/** Differences of infinities are no numbers. */
function compare(a: number, b: number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
