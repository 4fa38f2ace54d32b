import { setTimeout as sleep } from 'node:timers/promises';
import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import type { BreakerSubject } from '../core/database/catalogue/breakers.js';
import type { LeftAlone } from '../core/policy/breaker.js';
import { LEFT_ALONE_MEMO, usedAgain } from '../workflows/messages.js';
import { CDT_STATE } from '../workflows/search-attributes.js';

/** What a journey does is listed a moment later, in milliseconds. */
const LISTED_AFTER_MS = 3000;

/**
 * Tells every journey that waits for a route or a store that it is used again. Looks twice: one that had just begun to wait is not
 * among those that are listed.
 *
 * @returns how many were told
 */
export async function wakeWaiting(
  client: Client,
  subject: BreakerSubject,
  againAfterMs = LISTED_AFTER_MS,
): Promise<number> {
  const told = new Set<string>();
  await tellWaiting(client, subject, told);
  await sleep(againAfterMs);
  await tellWaiting(client, subject, told);
  return told.size;
}

/** @param told runs that know it; added to. */
async function tellWaiting(client: Client, { kind, name }: BreakerSubject, told: Set<string>): Promise<void> {
  const query = `ExecutionStatus = "Running" AND ${CDT_STATE.name} = "waiting_for_breaker"`;
  for await (const { workflowId, runId, memo } of client.workflow.list({ query })) {
    const alone = memo?.[LEFT_ALONE_MEMO] as LeftAlone | undefined;
    if (alone?.kind !== kind || alone.name !== name || told.has(runId)) continue;
    try {
      await client.workflow.getHandle(workflowId, runId).signal(usedAgain, { kind, name });
      told.add(runId);
    } catch (error) {
      // It has ended meanwhile.
      if (!(error instanceof WorkflowNotFoundError)) throw error;
    }
  }
}
