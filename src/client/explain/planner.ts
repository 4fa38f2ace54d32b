import type { Client } from '@temporalio/client';
import type { Operation } from '../../core/operation-types.js';
import { whyPlannerWaits, type Waiting } from '../../core/policy/explanation.js';
import { plannerOf } from '../../workflows/planners.js';
import type { Sources, Standing } from './explanation.js';
import { nextLook } from './work.js';

/**
 * What something waits for that no workflow works on yet: the planner that takes it up.
 *
 * @param does what the planner does, as in "the next look that ..."
 */
export async function planned(
  { catalogue }: Pick<Sources, 'catalogue'>,
  client: Client,
  operation: Operation,
  place: { site: string; location: string },
  does: string,
  since?: string,
): Promise<Standing> {
  const planner = plannerOf(operation, place);
  if (planner === undefined)
    return { waiting: { for: 'unknown', words: `nothing plans ${operation}`, since } };
  const off = await catalogue.explain.switchedOff(place.site, place.location);
  if (off !== undefined) return { waiting: whyOff(place, off.since) };
  const verdict = await catalogue.liveness.verdict(planner.id);
  return whyPlannerWaits({ id: planner.id, does, verdict }, await nextLook(client, planner.id), since);
}

/** A location that is switched off is planned for no more; what was under way there is ended. */
function whyOff({ site, location }: { site: string; location: string }, since?: string): Waiting {
  return {
    for: 'paused planner',
    words: `${site}.${location} is switched off: nothing new is begun there`,
    since,
    advice: `when it may work again: cdt topology enable-location ${site}.${location}`,
  };
}
