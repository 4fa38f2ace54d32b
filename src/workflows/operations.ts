import type { ActivityOptions } from '@temporalio/workflow';
import { CATALOGUE_WORK, OPERATIONS, type Operation, type Work } from '../core/operation-types.js';
import { CATALOGUE_QUEUE, taskQueue } from '../core/queue-discovery.js';
import type { Place } from './journeys.js';

/** How the activities of an operation are called at a place: its queue there, and its timeouts and retries from the one table. */
export function workAt(operation: Operation, place: Place): ActivityOptions {
  return { ...options(OPERATIONS[operation]), taskQueue: taskQueue(place.site, place.location, operation) };
}

/** How the catalogue's own activities are called, wherever they are served. */
export const CATALOGUE: ActivityOptions = { ...options(CATALOGUE_WORK), taskQueue: CATALOGUE_QUEUE };

/** Times that packages of one bundle are sent again when they arrived damaged, before a person is asked. */
export const RESEND_ROUNDS = 3;

/** Times that one step waits for a route or a store that is left alone, before a person is asked: days, at the longest wait. */
export const MOST_WAITS = 240;

function options({ timeouts, retry }: Work): ActivityOptions {
  return {
    startToCloseTimeout: timeouts.startToClose * 1000,
    heartbeatTimeout: timeouts.heartbeat * 1000,
    scheduleToCloseTimeout: timeouts.scheduleToClose * 1000,
    retry: {
      initialInterval: retry.initialInterval * 1000,
      backoffCoefficient: retry.backoffCoefficient,
      maximumInterval: retry.maximumInterval * 1000,
    },
    // Whatever is cancelled must have stopped before the workflow goes on.
    cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  };
}

/** Packages that one staging job fetches at the same time. */
export const STAGING_PARALLEL = 4;
