import type { Client } from '@temporalio/client';
import { optionalTsToDate } from '@temporalio/common/lib/time.js';
import proto from '@temporalio/proto';
import type { Location } from '../core/database/records.js';
import {
  CATALOGUE_QUEUE,
  parseTaskQueue,
  queuesOfLocation,
  WORKFLOW_QUEUE,
} from '../core/queue-discovery.js';

const { TaskQueueType, PendingActivityState } = proto.temporal.api.enums.v1;

/** A waiting call of a worker lasts a minute; one that was last heard of longer ago is gone, in milliseconds. */
const POLLER_AGE = 90_000;

/** Running workflows that are asked what they are at, where a queue seems to have no worker. */
const MOST_ASKED = 200;

/** A task queue as the server tells it now. Times are ISO 8601. */
export interface QueueState {
  queue: string;
  /** `workflows`, `catalogue`, or the operation. */
  operation: string;
  /** False where the location is switched off. */
  active: boolean;
  /** Workers that ask for work, those heard of lately. */
  pollers: { identity: string; lastSeen: string }[];
  /** Pieces of work that workers are at; looked for only where nobody asks for more, as a worker with full hands does not. */
  underWay: number;
  /** Tasks that wait, about, and how long the oldest does, in seconds. */
  backlog: number;
  oldestSeconds: number;
  /** Whether somebody serves it. */
  served: boolean;
}

/** Whether work waits that nobody does. */
export function isStuck(state: QueueState): boolean {
  return !state.served && state.backlog > 0;
}

/** Every queue of the topology and the two that are always there, in order of their names. */
export async function queueStates(client: Client, locations: Location[]): Promise<QueueState[]> {
  const wanted = [
    { queue: CATALOGUE_QUEUE, active: true },
    { queue: WORKFLOW_QUEUE, active: true },
    ...locations
      .flatMap((location) => queuesOfLocation(location).map((queue) => ({ queue, active: location.active })))
      .sort((a, b) => a.queue.localeCompare(b.queue)),
  ];
  const states: QueueState[] = [];
  for (const { queue, active } of wanted) states.push(await describe(client, queue, active));
  if (!states.some(isStuck)) return states;
  const busy = await workUnderWay(client);
  return states.map((state) => {
    const underWay = busy.get(state.queue) ?? 0;
    return { ...state, underWay, served: state.served || underWay > 0 };
  });
}

/** Tasks that wait in an activity queue for a worker, as the server counts them: approximately. Tasks between two attempts are not among them. */
export async function activityBacklog(client: Client, queue: string): Promise<number> {
  return (await describe(client, queue, true)).backlog;
}

async function describe(client: Client, queue: string, active: boolean): Promise<QueueState> {
  const { pollers, stats } = await client.workflowService.describeTaskQueue({
    namespace: client.options.namespace,
    taskQueue: { name: queue },
    taskQueueType:
      queue === WORKFLOW_QUEUE
        ? TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW
        : TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
    reportStats: true,
  });
  const recent = pollers
    .map(({ identity, lastAccessTime }) => ({ identity, seen: optionalTsToDate(lastAccessTime) }))
    .filter(({ seen }) => seen !== undefined && Date.now() - seen.getTime() < POLLER_AGE)

    .map(({ identity, seen }) => ({ identity: identity ?? '', lastSeen: seen?.toISOString() ?? '' }));
  return {
    queue,
    operation: parseTaskQueue(queue)?.operation ?? queue.replace('cdt.', ''),
    active,
    pollers: recent,
    underWay: 0,
    backlog: Number(stats?.approximateBacklogCount ?? 0),
    oldestSeconds: Number(stats?.approximateBacklogAge?.seconds ?? 0),
    served: recent.length > 0,
  };
}

/** Activities that workers are at now, by queue. */
async function workUnderWay(client: Client): Promise<Map<string, number>> {
  const busy = new Map<string, number>();
  let asked = 0;
  for await (const { workflowId, runId } of client.workflow.list({ query: 'ExecutionStatus = "Running"' })) {
    if (++asked > MOST_ASKED) break;
    const { pendingActivities } = await client.workflowService.describeWorkflowExecution({
      namespace: client.options.namespace,
      execution: { workflowId, runId },
    });
    for (const { state, activityOptions } of pendingActivities) {
      const queue = activityOptions?.taskQueue?.name;
      if (queue && state === PendingActivityState.PENDING_ACTIVITY_STATE_STARTED)
        busy.set(queue, (busy.get(queue) ?? 0) + 1);
    }
  }
  return busy;
}
