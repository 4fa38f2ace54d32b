import type { Client } from '@temporalio/client';
import { archiveAuditJourney, type AuditTotals, type Place } from '../workflows/journeys.js';

/**
 * Has the copies of an archive read again now: those that are due, or all of them. A run that is under way is joined.
 *
 * @returns what was found, when all are read
 */
export async function runAudit(client: Client, archive: Place, everything: boolean): Promise<AuditTotals> {
  const journey = archiveAuditJourney({ archive, everything });
  const handle = await client.workflow.start(journey.workflowType, {
    workflowId: journey.workflowId,
    workflowIdConflictPolicy: 'USE_EXISTING',
    taskQueue: journey.taskQueue,
    args: [journey.input],
    typedSearchAttributes: journey.typedSearchAttributes,
    staticSummary: journey.staticSummary,
  });
  return (await handle.result()) as AuditTotals;
}
