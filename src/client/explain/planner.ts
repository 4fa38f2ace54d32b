import type { Client } from '@temporalio/client';
import type { Operation } from '../../core/operation-types.js';
import { whyPlannerWaits } from '../../core/policy/explanation.js';
import { plannerOf } from '../../workflows/planners.js';
import type { Standing } from './explanation.js';
import { nextLook } from './work.js';

/**
 * What something waits for that no workflow works on yet: the planner that takes it up.
 *
 * @param does what the planner does, as in "the next look that ..."
 */
export async function planned(
  client: Client,
  operation: Operation,
  place: { site: string; location: string },
  does: string,
  since?: string,
): Promise<Standing> {
  const planner = plannerOf(operation, place);
  if (planner === undefined)
    return { waiting: { for: 'unknown', words: `nothing plans ${operation}`, since } };
  return whyPlannerWaits({ id: planner.id, does }, await nextLook(client, planner.id), since);
}
