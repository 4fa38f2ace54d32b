import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import type { BreakerSubject } from '../core/database/catalogue/breakers.js';
import type { LeftAlone } from '../core/policy/breaker.js';
import { LEFT_ALONE_MEMO, usedAgain } from '../workflows/messages.js';
import { CDT_STATE } from '../workflows/search-attributes.js';

/**
 * Tells every journey that waits for a route or a store that it is used again.
 *
 * @returns how many were told
 */
export async function wakeWaiting(client: Client, { kind, name }: BreakerSubject): Promise<number> {
  const query = `ExecutionStatus = "Running" AND ${CDT_STATE.name} = "waiting_for_breaker"`;
  let told = 0;
  for await (const { workflowId, runId, memo } of client.workflow.list({ query })) {
    const alone = memo?.[LEFT_ALONE_MEMO] as LeftAlone | undefined;
    if (alone?.kind !== kind || alone.name !== name) continue;
    try {
      await client.workflow.getHandle(workflowId, runId).signal(usedAgain, { kind, name });
      told += 1;
    } catch (error) {
      // It has ended meanwhile.
      if (!(error instanceof WorkflowNotFoundError)) throw error;
    }
  }
  return told;
}
