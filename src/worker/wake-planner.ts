import { ScheduleOverlapPolicy, type Client } from '@temporalio/client';
import type { Logger } from '../core/logging.js';
import type { Operation } from '../core/operation-types.js';
import { plannerOf } from '../workflows/planners.js';

/** Asks the planner's schedule for a run now; one more after the running one, where it runs. Its schedule comes round anyway. */
export async function wakePlanner(
  client: Client,
  log: Logger,
  operation: Operation,
  place: { site: string; location: string },
): Promise<void> {
  const planner = plannerOf(operation, place);
  if (planner === undefined) return;
  try {
    const schedule = client.schedule.getHandle(planner.id);
    // A trigger starts a paused one too: what an operator paused is left alone.
    if ((await schedule.describe()).state.paused) return;
    await schedule.trigger(ScheduleOverlapPolicy.BUFFER_ONE);
  } catch (error) {
    log.warn('could not wake a planner; it runs at its next time', { planner: planner.id, error });
  }
}
