import { ScheduleNotFoundError, ScheduleOverlapPolicy, type Client } from '@temporalio/client';
import { ConfigurationError } from '../core/exceptions.js';
import { isPlannerId } from '../workflows/planners.js';
import { isStagingScheduleId } from './staging.js';

/** A schedule of a planner, or of a staging request. Times are ISO 8601. */
export interface ScheduleState {
  id: string;
  workflowType: string;
  /** Undefined for one that follows the clock. */
  everySeconds: number | undefined;
  paused: boolean;
  note: string | undefined;
  lastRun: string | undefined;
  nextRun: string | undefined;
  /** Runs under way now. */
  running: number;
}

/** Times that one backfill may hold: all of them run one after the other, and a planner sees at once all that is due. */
const MOST_TIMES = 1000;
/** Between two times of a schedule that follows the clock. */
const SHORTEST_SECONDS = 60;

/** The schedules of all planners and of staging requests, by ID. */
export async function schedules(client: Client): Promise<ScheduleState[]> {
  const found: ScheduleState[] = [];
  for await (const { scheduleId } of client.schedule.list()) {
    if (!isOurs(scheduleId)) continue;
    const state = await describe(client, scheduleId).catch(absent);
    // The list is behind: a schedule may have gone with its location, or be about to come.
    if (state !== undefined) found.push(state);
  }
  return found.sort((a, b) => a.id.localeCompare(b.id));
}

function absent(error: unknown): undefined {
  if (!(error instanceof ScheduleNotFoundError)) throw error;
}

/** @throws ConfigurationError where there is none with this ID */
export async function schedule(client: Client, id: string): Promise<ScheduleState> {
  return known(id, () => describe(client, id));
}

async function describe(client: Client, id: string): Promise<ScheduleState> {
  const { spec, state, info, action } = await client.schedule.getHandle(id).describe();
  const every = spec.intervals?.[0]?.every;
  return {
    id,
    workflowType: action.workflowType,
    everySeconds: every === undefined ? undefined : every / 1000,
    paused: state.paused,
    note: state.note,
    lastRun: info.recentActions.at(-1)?.takenAt.toISOString(),
    nextRun: state.paused ? undefined : info.nextActionTimes[0]?.toISOString(),
    running: info.runningActions.length,
  };
}

/** Stops regular runs until they are resumed; changes of the topology leave it so. The note says who and why. */
export async function pauseSchedule(client: Client, id: string, by: string, note?: string): Promise<void> {
  await known(id, () => client.schedule.getHandle(id).pause(words('paused', by, note)));
}

export async function resumeSchedule(client: Client, id: string, by: string, note?: string): Promise<void> {
  await known(id, () => client.schedule.getHandle(id).unpause(words('resumed', by, note)));
}

/** Runs it now, a planner once more after a run that is under way. A paused one runs too: it was asked for. */
export async function triggerSchedule(client: Client, id: string): Promise<void> {
  await known(id, () => client.schedule.getHandle(id).trigger(overlapOf(id)));
}

/**
 * Makes up for the times of a period at which a planner did not run. A planner sees all that is due, so runs that fall together are one.
 *
 * @throws ConfigurationError where the period ends before it begins, or holds more than 1000 times
 */
export async function backfillSchedule(client: Client, id: string, start: Date, end: Date): Promise<void> {
  if (!(start < end)) throw new ConfigurationError('the period must begin before it ends', { subject: id });
  const { everySeconds } = await schedule(client, id);
  const seconds = (end.getTime() - start.getTime()) / 1000;
  if (seconds / (everySeconds ?? SHORTEST_SECONDS) > MOST_TIMES)
    throw new ConfigurationError(`the period holds more than ${MOST_TIMES} times of this schedule`, {
      subject: id,
      advice:
        'A planner sees all that is due: `cdt schedules trigger` runs it once. Or give a shorter period.',
    });
  await known(id, () => client.schedule.getHandle(id).backfill({ start, end, overlap: overlapOf(id) }));
}

/** Jobs of staging live for days, beside each other. */
const overlapOf = (id: string) =>
  isPlannerId(id) ? ScheduleOverlapPolicy.BUFFER_ONE : ScheduleOverlapPolicy.ALLOW_ALL;

const isOurs = (id: string) => isPlannerId(id) || isStagingScheduleId(id);

function words(what: string, by: string, note: string | undefined): string {
  return note === undefined ? `${what} by ${by}` : `${what} by ${by}: ${note}`;
}

/** Others' schedules in the namespace are none of ours: nothing is done to them. */
async function known<T>(id: string, act: () => Promise<T>): Promise<T> {
  try {
    if (!isOurs(id)) throw new ScheduleNotFoundError('none of this system', id);
    return await act();
  } catch (error) {
    if (!(error instanceof ScheduleNotFoundError)) throw error;
    throw new ConfigurationError(`there is no schedule ${id}`, {
      subject: id,
      advice: '`cdt schedules list` lists them.',
      cause: error,
    });
  }
}
