import type { Location } from '../database/records.js';

type Place = Pick<Location, 'id' | 'site' | 'failureDomain' | 'endpoint'>;

/** What fails together with a location: what the topology says, else its site. */
export function failureDomainOf(location: Pick<Location, 'site' | 'failureDomain'>): string {
  return location.failureDomain ?? location.site;
}

/**
 * The failure domains of these locations: each a list of locations that may all be lost at once. Locations of one domain fail
 * together, and so do buckets of one store, unless the topology names a domain for both.
 */
export function failureDomains<T extends Place>(locations: readonly T[]): T[][] {
  const domains: T[][] = [];
  for (const location of locations) {
    const together = domains.filter((domain) => domain.some((one) => failTogether(one, location)));
    for (const domain of together) domains.splice(domains.indexOf(domain), 1);
    domains.push([...together.flat(), location]);
  }
  return domains;
}

function failTogether(one: Place, other: Place): boolean {
  if (one.id === other.id || failureDomainOf(one) === failureDomainOf(other)) return true;
  if (one.failureDomain !== undefined && other.failureDomain !== undefined) return false;
  return one.endpoint !== undefined && one.endpoint === other.endpoint;
}
