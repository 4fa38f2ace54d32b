import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ActivityInterceptorsFactory, WorkerOptions } from '@temporalio/worker';
import { CATALOGUE_WORK, OPERATIONS, type Operation } from '../core/operation-types.js';
import { CATALOGUE_QUEUE, parseTaskQueue, WORKFLOW_QUEUE } from '../core/queue-discovery.js';

/** What is done on a queue: activities so many at a time, or the workflows. */
export type QueueWork = { activities: object; concurrency: number } | 'workflows';

/** Tells what a process can do on a queue; undefined where nothing is done there. */
export function workByQueue(
  operations: Partial<Record<Operation, object>>,
  catalogue: object,
): (queue: string) => QueueWork | undefined {
  return (queue) => {
    if (queue === WORKFLOW_QUEUE) return 'workflows';
    if (queue === CATALOGUE_QUEUE) return { activities: catalogue, concurrency: CATALOGUE_WORK.concurrency };
    const operation = parseTaskQueue(queue)?.operation;
    const activities = operation && operations[operation];
    return operation && activities && { activities, concurrency: OPERATIONS[operation].concurrency };
  };
}

/**
 * Workflows that a process keeps in its memory while they wait. One more goes on from its history, whose few events are read again then.
 */
const CACHED_WORKFLOWS = 100;

/** How a Worker serves a queue. */
export function workerOptions(
  taskQueue: string,
  work: QueueWork | undefined,
  activityInterceptors: ActivityInterceptorsFactory[],
): WorkerOptions {
  const common = {
    taskQueue,
    interceptors: { activity: activityInterceptors },
    shutdownGraceTime: '2 seconds',
    shutdownForceTime: '20 seconds',
    // So that a cancellation reaches an activity within seconds, whatever its heartbeat timeout.
    maxHeartbeatThrottleInterval: '5 seconds',
  };
  if (work === undefined) throw new Error(`nothing is done on the queue ${taskQueue}`);
  if (work === 'workflows') return { ...common, ...workflowCode(), maxCachedWorkflows: CACHED_WORKFLOWS };
  return {
    ...common,
    activities: work.activities,
    maxConcurrentActivityTaskExecutions: work.concurrency,
    // One waiting call for each queue: a process may serve dozens, and new work at a location is no matter of milliseconds. Only the
    // catalogue's short transactions come in numbers.
    activityTaskPollerBehavior: { type: 'simple-maximum', maximum: taskQueue === CATALOGUE_QUEUE ? 5 : 1 },
  };
}

/** The bundle that the build made; without one (a test, a development run) the sources, bundled at start. */
export function workflowCode(): Pick<WorkerOptions, 'workflowBundle' | 'workflowsPath'> {
  const codePath = fileURLToPath(new URL('../../workflow-bundle.js', import.meta.url));
  if (existsSync(codePath)) return { workflowBundle: { codePath } };
  return { workflowsPath: fileURLToPath(new URL('../workflows/index.js', import.meta.url)) };
}
