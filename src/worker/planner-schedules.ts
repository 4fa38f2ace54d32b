import { setTimeout as sleep } from 'node:timers/promises';
import { ScheduleAlreadyRunning, ScheduleOverlapPolicy, type Client } from '@temporalio/client';
import type { Catalogue } from '../core/database/catalogue.js';
import type { Location, Route } from '../core/database/records.js';
import type { Logger } from '../core/logging.js';
import { operationsOf } from '../core/operation-types.js';
import { WORKFLOW_QUEUE } from '../core/queue-discovery.js';
import type { Settings } from '../core/settings-manager.js';
import { isPlannerId, plannerOf, type Planner } from '../workflows/planners.js';

/** A planner, and how often it looks. */
export interface PlannerSchedule {
  planner: Planner;
  everySeconds: number;
}

/** The planners that a topology needs: those of its active locations, each once. */
export function plannersOf(locations: Location[], routes: Route[]): Planner[] {
  const origins = new Set(routes.filter((route) => route.active).map((route) => route.origin));
  const all = locations
    .filter((location) => location.active)
    .flatMap((location) =>
      operationsOf(location.locationType)
        // A buffer that no route leads away from has nothing to bundle.
        .filter((operation) => operation !== 'data_transfer_package_creation' || origins.has(location.site))
        .filter((operation) => operation !== 'monitoring' || location.path !== undefined)
        .map((operation) => plannerOf(operation, { site: location.site, location: location.name })),
    )
    .filter((planner) => planner !== undefined);
  return [...new Map(all.map((planner) => [planner.id, planner])).values()];
}

/** The schedules that the topology in the catalogue and the settings ask for now. */
export async function wantedSchedules(
  catalogue: Pick<Catalogue, 'locations' | 'routes'>,
  settings: Settings,
): Promise<PlannerSchedule[]> {
  const planners = plannersOf(await catalogue.locations(), await catalogue.routes());
  return Promise.all(
    planners.map(async (planner) => ({
      planner,
      everySeconds: await settings.get(
        planner.operation === 'monitoring' ? 'monitoring.interval_seconds' : 'planning.interval_seconds',
        planner.place,
      ),
    })),
  );
}

/**
 * Makes the schedules of planners be these and no others. A schedule that an operator paused stays paused, with the note; one that is
 * new runs at once. Safe to repeat, and to do by several processes.
 */
export async function syncSchedules(client: Client, wanted: PlannerSchedule[]): Promise<void> {
  for (const one of wanted) await ensureSchedule(client, one);
  const ids = new Set(wanted.map(({ planner }) => planner.id));
  // A location that was switched off or removed is planned for no more.
  for await (const { scheduleId } of client.schedule.list()) {
    if (isPlannerId(scheduleId) && !ids.has(scheduleId)) await client.schedule.getHandle(scheduleId).delete();
  }
}

async function ensureSchedule(client: Client, { planner, everySeconds }: PlannerSchedule): Promise<void> {
  const spec = { intervals: [{ every: everySeconds * 1000 }] };
  // After an outage one look is enough: a planner sees everything that is due.
  const policies = { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: '2 minutes' };
  const action = {
    type: 'startWorkflow' as const,
    workflowType: planner.workflowType,
    workflowId: planner.id,
    args: [planner.input],
    taskQueue: WORKFLOW_QUEUE,
    typedSearchAttributes: planner.typedSearchAttributes,
  };
  try {
    await client.schedule.create({
      scheduleId: planner.id,
      spec,
      action,
      policies,
      state: { triggerImmediately: true },
    });
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    await client.schedule
      .getHandle(planner.id)
      .update((previous) => ({ ...previous, spec, action, policies }));
  }
}

/** Between two looks at the catalogue, in milliseconds. */
const LOOK_EVERY = 2500;

/** Applied anew after this time though nothing changed here, in milliseconds: someone may have deleted a schedule. */
const ANEW_AFTER = 5 * 60_000;

/** Keeps the planners' schedules as the topology and the settings are. For the process that serves the catalogue's queue. */
export class ScheduleFollower {
  private applied = '';
  private appliedAt = 0;
  private failing = false;

  constructor(
    private readonly client: Client,
    private readonly wanted: () => Promise<PlannerSchedule[]>,
    private readonly log: Logger,
  ) {}

  /** Looks again and again until it is told to stop. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.look();
      await sleep(LOOK_EVERY, undefined, { signal }).catch(() => undefined);
    }
  }

  /** One look; never throws: what fails is tried again at the next. */
  async look(): Promise<void> {
    try {
      const wanted = await this.wanted();
      const digest = JSON.stringify(wanted);
      if (digest === this.applied && Date.now() - this.appliedAt < ANEW_AFTER) return;
      await syncSchedules(this.client, wanted);
      if (digest !== this.applied)
        this.log.info('schedules follow the topology', { planners: wanted.length });
      this.applied = digest;
      this.appliedAt = Date.now();
      this.failing = false;
    } catch (error) {
      if (!this.failing)
        this.log.warn('could not make the schedules follow the topology; tried again', { error });
      this.failing = true;
    }
  }
}
