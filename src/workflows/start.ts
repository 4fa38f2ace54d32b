import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { ParentClosePolicy, startChild, WorkflowIdReusePolicy } from '@temporalio/workflow';
import type { JourneyStart } from './journeys.js';

/**
 * Starts a journey that lives on by itself. One that runs already, or has ended well, is left alone: workflow IDs come from
 * the catalogue's keys, so the same work started twice is one workflow.
 */
export async function startJourney(start: JourneyStart): Promise<void> {
  try {
    await startChild(start.workflowType, {
      workflowId: start.workflowId,
      args: [start.input],
      taskQueue: start.taskQueue,
      typedSearchAttributes: start.typedSearchAttributes,
      staticSummary: start.staticSummary,
      parentClosePolicy: ParentClosePolicy.ABANDON,
      workflowIdReusePolicy: start.repeatable
        ? WorkflowIdReusePolicy.ALLOW_DUPLICATE
        : WorkflowIdReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
    });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}

/** Starts those that the activity which tells of them has not started itself. */
export async function startRest<T extends { started?: true }>(
  orders: readonly T[],
  journey: (order: T) => JourneyStart,
): Promise<void> {
  await Promise.all(orders.filter((one) => one.started !== true).map((one) => startJourney(journey(one))));
}
