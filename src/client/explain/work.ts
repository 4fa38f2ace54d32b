import {
  isGrpcServiceError,
  ScheduleNotFoundError,
  WorkflowNotFoundError,
  type Client,
} from '@temporalio/client';
import { optionalTsToDate } from '@temporalio/common/lib/time.js';
import proto from '@temporalio/proto';
import { parseTaskQueue } from '../../core/queue-discovery.js';
import type { LeftAlone } from '../../core/policy/breaker.js';
import { statusIsNotFound } from '../../core/utilities/grpc-status.js';
import { BLOCKER_MEMO, LEFT_ALONE_MEMO, type Blocker } from '../../workflows/messages.js';
import { CDT_STATE } from '../../workflows/search-attributes.js';

const { PendingActivityState, TaskQueueType } = proto.temporal.api.enums.v1;

/** What one workflow is doing at this moment, as Temporal tells it. Times are ISO 8601. */
export interface WorkNow {
  workflowId: string;
  runId: string;
  type: string;
  status: 'running' | 'completed' | 'failed' | 'cancelled' | 'terminated' | 'timed out' | 'unknown';
  startedAt: string;
  closedAt?: string;
  /** Set where it waits for a person. */
  blocker?: Blocker;
  /** Set where it waits for a route or a store that is left alone. */
  leftAlone?: LeftAlone;
  activities: ActivityNow[];
}

/** An activity that is not over. */
export interface ActivityNow {
  type: string;
  taskQueue?: string;
  /** `waiting`: no worker has taken it; `running`; `backing off`: it failed and is tried again at `nextAttemptAt`. */
  state: 'waiting' | 'running' | 'backing off';
  attempt: number;
  since: string;
  nextAttemptAt?: string;
  lastFailure?: { errorClass: string; message: string };
  worker?: string;
  /** Of a waiting one: whether any worker asks its queue for work. */
  served?: boolean;
}

const STATUS_WORDS: Record<string, WorkNow['status']> = {
  RUNNING: 'running',
  COMPLETED: 'completed',
  FAILED: 'failed',
  CANCELLED: 'cancelled',
  TERMINATED: 'terminated',
  TIMED_OUT: 'timed out',
  CONTINUED_AS_NEW: 'running',
};

/** What a workflow does now; undefined where there is none of this ID any more, or never was. */
export async function workNow(client: Client, workflowId: string): Promise<WorkNow | undefined> {
  const found = await describe(client, workflowId);
  if (found === undefined) return undefined;
  const activities = (found.raw.pendingActivities ?? []).map(toActivity);
  await Promise.all(activities.map((activity) => lookForWorkers(client, activity)));
  const blocked = found.memo?.[BLOCKER_MEMO] as Blocker | undefined;
  const alone = found.memo?.[LEFT_ALONE_MEMO] as LeftAlone | undefined;
  const state = found.status.name === 'RUNNING' ? found.typedSearchAttributes.get(CDT_STATE) : undefined;
  return {
    workflowId,
    runId: found.runId,
    type: found.type,
    status: STATUS_WORDS[found.status.name] ?? 'unknown',
    startedAt: found.startTime.toISOString(),
    closedAt: found.closeTime?.toISOString(),
    blocker: state === 'waiting_for_operator' ? blocked : undefined,
    leftAlone: state === 'waiting_for_breaker' ? alone : undefined,
    activities,
  };
}

/** When a planner's schedule comes round next, and whether it is paused; undefined where it has no schedule. */
export async function nextLook(
  client: Client,
  scheduleId: string,
): Promise<{ at?: string; paused: boolean; note?: string } | undefined> {
  try {
    const { info, state } = await client.schedule.getHandle(scheduleId).describe();
    return { at: info.nextActionTimes[0]?.toISOString(), paused: state.paused, note: state.note };
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

async function describe(client: Client, workflowId: string) {
  try {
    return await client.workflow.getHandle(workflowId).describe();
  } catch (error) {
    if (error instanceof WorkflowNotFoundError || isNotFound(error)) return undefined;
    throw error;
  }
}

type Pending = NonNullable<
  Awaited<ReturnType<ReturnType<Client['workflow']['getHandle']>['describe']>>['raw']['pendingActivities']
>[number];

function toActivity(pending: Pending): ActivityNow {
  const attempt = pending.attempt ?? 1;
  const failure = pending.lastFailure ?? undefined;
  const state =
    pending.state === PendingActivityState.PENDING_ACTIVITY_STATE_STARTED
      ? 'running'
      : attempt > 1
        ? 'backing off'
        : 'waiting';
  const since =
    state === 'running'
      ? pending.lastStartedTime
      : (pending.lastAttemptCompleteTime ?? pending.scheduledTime);
  return {
    type: pending.activityType?.name ?? '',
    taskQueue: pending.activityOptions?.taskQueue?.name ?? undefined,
    state,
    attempt,
    since: optionalTsToDate(since)?.toISOString() ?? '',
    nextAttemptAt:
      state === 'backing off' ? optionalTsToDate(pending.scheduledTime)?.toISOString() : undefined,
    lastFailure: failure && {
      errorClass: failure.applicationFailureInfo?.type || 'Error',
      message: failure.message ?? '',
    },
    worker: state === 'running' ? (pending.lastWorkerIdentity ?? undefined) : undefined,
  };
}

async function lookForWorkers(client: Client, activity: ActivityNow): Promise<void> {
  if (activity.state === 'running' || activity.taskQueue === undefined) return;
  if (parseTaskQueue(activity.taskQueue) === undefined) return;
  const { pollers } = await client.workflowService.describeTaskQueue({
    namespace: client.options.namespace,
    taskQueue: { name: activity.taskQueue },
    taskQueueType: TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
  });
  activity.served = pollers.length > 0;
}

function isNotFound(error: unknown): boolean {
  return (
    error instanceof ScheduleNotFoundError || (isGrpcServiceError(error) && statusIsNotFound(error.code))
  );
}
