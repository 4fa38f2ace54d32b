import type { Location, PhysicalCopy } from '../database/records.js';
import type { Reason } from './reason.js';
import { archiveSites, nextHop, type RoutingFacts } from './routing.js';

/** What is known of a package's journeys, beside its copies. */
export interface JourneyFacts {
  /** The buffer that the package was made in. */
  firstBufferId: string;
  /** Transfers of it that are not over. */
  openTransfers: { originLocationId: string; destination: string; since?: string }[];
}

/**
 * What a copy in a buffer is still needed for: transfers from it, archives at its site that
 * lack it, and sites that are to get it from here. Where the package was made, only its transfers count: it leaves there once.
 */
export function whyStillNeeded(
  { location }: { location: Location },
  copies: readonly PhysicalCopy[],
  journeys: JourneyFacts,
  facts: Pick<RoutingFacts, 'locations' | 'routes'>,
): Reason[] {
  if (location.locationType !== 'buffer') return [];
  const reasons = journeys.openTransfers
    .filter((one) => one.originLocationId === location.id)
    .map(({ destination, since }): Reason => ({
      code: 'being_sent',
      words: `it is being sent to ${destination}`,
      since,
    }));
  const archived = copies.filter(
    (one) =>
      one.location.locationType === 'long_term_archive' &&
      one.state === 'present' &&
      one.verifiedAt !== undefined &&
      one.doubt === undefined,
  );
  const here = facts.locations.filter(
    (one) => one.site === location.site && one.locationType === 'long_term_archive' && one.active,
  );
  for (const archive of here)
    if (!archived.some((one) => one.location.id === archive.id))
      reasons.push({
        code: 'not_in_archive_here',
        words: `it is not in ${archive.site}.${archive.name} yet`,
      });
  if (location.id === journeys.firstBufferId) return reasons;
  for (const site of archiveSites(facts.locations).filter((one) => one !== location.site)) {
    if (archived.some((one) => one.location.site === site)) continue;
    if (leadsThere(location, site, facts))
      reasons.push({ code: 'still_to_be_sent', words: `it is still to be sent on to ${site}` });
  }
  return reasons;
}

/** Whether any route leads there at all, be it full or closed at this hour. */
export function leadsThere(
  from: Location,
  site: string,
  facts: Pick<RoutingFacts, 'locations' | 'routes'>,
): boolean {
  const open = facts.routes.map((route) => ({ ...route, hours: undefined }));
  const found = nextHop(from, site, {
    ...facts,
    routes: open,
    openTransfers: new Map(),
    now: new Date(0),
  });
  return 'hop' in found;
}
