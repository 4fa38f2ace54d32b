import type { Client } from '@temporalio/client';

/** A step that failed and that Temporal tries again. */
export interface RetryingStep {
  workflowId: string;
  activity: string;
  /** The attempt that comes next or runs now. */
  attempt: number;
  errorClass: string;
  message: string;
}

/** Workflows asked; where more than this run, they fail for the same few reasons. */
const ASKED = 20;

/** What is being tried again now, and why: what a person wants to know when nothing moves. */
export async function retryingSteps(client: Client): Promise<RetryingStep[]> {
  const found: RetryingStep[] = [];
  let asked = 0;
  for await (const workflow of client.workflow.list({
    query: 'ExecutionStatus = "Running"',
    pageSize: ASKED,
  })) {
    const { raw } = await client.workflow.getHandle(workflow.workflowId, workflow.runId).describe();
    for (const activity of raw.pendingActivities ?? []) {
      const failure = activity.lastFailure;
      if (failure === null || failure === undefined) continue;
      found.push({
        workflowId: workflow.workflowId,
        activity: activity.activityType?.name ?? '',
        attempt: activity.attempt ?? 1,
        errorClass: failure.applicationFailureInfo?.type ?? 'timeout',
        message: failure.message ?? '',
      });
    }
    asked += 1;
    if (asked === ASKED) break;
  }
  return found;
}

/** One line for each reason, with how many steps have it. */
export function describeRetries(steps: RetryingStep[]): string[] {
  const byReason = new Map<string, RetryingStep[]>();
  for (const step of steps) {
    const reason = `${step.activity} is tried again after ${step.errorClass}: ${step.message}`;
    byReason.set(reason, [...(byReason.get(reason) ?? []), step]);
  }
  return [...byReason].map(([reason, same]) => {
    const attempt = Math.max(...same.map((step) => step.attempt));
    return `${reason} (attempt ${attempt}${same.length > 1 ? `, ${same.length} workflows` : ''})`;
  });
}
