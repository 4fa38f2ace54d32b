import { WorkflowUpdateFailedError, type Client } from '@temporalio/client';
import { ConfigurationError } from '../core/exceptions.js';
import { BLOCKER_MEMO, decide as decideUpdate, type Blocker, type Decision } from '../workflows/messages.js';
import { CDT_OPERATION, CDT_PACKAGE, CDT_STATE } from '../workflows/search-attributes.js';

/** Work that can't go on without a person. */
export interface WaitingWorkflow {
  workflowId: string;
  operation: string;
  state: string;
  /** ISO 8601. */
  since: string;
  packageNames: string[];
  reason?: string;
  advice?: string;
}

/** Everything that waits for an operator, as the server's list tells it: a decision shows there a moment later. */
export async function waitingWorkflows(client: Client): Promise<WaitingWorkflow[]> {
  const waiting: WaitingWorkflow[] = [];
  const query = `ExecutionStatus = "Running" AND ${CDT_STATE.name} = "waiting_for_operator"`;
  for await (const found of client.workflow.list({ query })) {
    const blocked = found.memo?.[BLOCKER_MEMO] as Blocker | undefined;
    waiting.push({
      workflowId: found.workflowId,
      operation: found.typedSearchAttributes.get(CDT_OPERATION) ?? found.type,
      state: found.typedSearchAttributes.get(CDT_STATE) ?? '',
      since: blocked?.since ?? found.startTime.toISOString(),
      packageNames: found.typedSearchAttributes.get(CDT_PACKAGE) ?? [],
      reason: blocked && `${blocked.step} failed: ${blocked.errorClass}: ${blocked.message}`,
      advice: blocked?.advice,
    });
  }
  return waiting;
}

/**
 * Gives an operator's word to a workflow that waits for it.
 *
 * @throws ConfigurationError when the workflow does not wait, or the word is none it knows
 */
export async function decide(client: Client, workflowId: string, decision: Decision): Promise<void> {
  try {
    await client.workflow.getHandle(workflowId).executeUpdate(decideUpdate, { args: [decision] });
  } catch (error) {
    if (!(error instanceof WorkflowUpdateFailedError)) throw error;
    throw new ConfigurationError(`${workflowId}: ${error.cause?.message ?? error.message}`, {
      subject: workflowId,
      advice: '`cdt waiting` lists what waits for a decision.',
      cause: error,
    });
  }
}

/** Journeys under way, waiting ones included; planners not counted. */
export async function runningWorkflows(client: Client): Promise<number> {
  const { count } = await client.workflow.count(
    `ExecutionStatus = "Running" AND ${CDT_PACKAGE.name} IS NOT NULL`,
  );
  return count;
}
