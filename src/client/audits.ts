import { WorkflowExecutionAlreadyStartedError, type Client } from '@temporalio/client';
import type { UnknownObjects } from '../activities/archive-inventory.js';
import {
  archiveAuditJourney,
  archiveInventoryJourney,
  type AuditTotals,
  type Place,
} from '../workflows/journeys.js';

/**
 * Has the copies of an archive read again now: those that are due, or all of them. A run that is under way is waited for; where all
 * are asked for, they are read after it.
 *
 * @param onJoined told when a run was under way already
 * @returns what was found, when all are read
 */
export async function runAudit(
  client: Client,
  archive: Place,
  everything: boolean,
  onJoined: () => void = () => undefined,
): Promise<AuditTotals> {
  const journey = archiveAuditJourney({ archive, everything });
  const start = () =>
    client.workflow.start(journey.workflowType, {
      workflowId: journey.workflowId,
      taskQueue: journey.taskQueue,
      args: [journey.input],
      typedSearchAttributes: journey.typedSearchAttributes,
      staticSummary: journey.staticSummary,
    });
  for (;;) {
    try {
      return (await (await start()).result()) as AuditTotals;
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
      onJoined();
      const totals: unknown = await client.workflow.getHandle(journey.workflowId).result();
      if (!everything) return totals as AuditTotals;
    }
  }
}

/**
 * Has an archive's objects listed that the catalogue does not know; nothing is changed. A run that is under way is joined.
 *
 * @param olderThanHours what was put there later is left out
 */
export async function findUnknownObjects(
  client: Client,
  archive: Place,
  olderThanHours: number,
): Promise<UnknownObjects> {
  const journey = archiveInventoryJourney({ archive, olderThanHours });
  const handle = await client.workflow.start(journey.workflowType, {
    workflowId: journey.workflowId,
    workflowIdConflictPolicy: 'USE_EXISTING',
    taskQueue: journey.taskQueue,
    args: [journey.input],
    typedSearchAttributes: journey.typedSearchAttributes,
    staticSummary: journey.staticSummary,
  });
  return (await handle.result()) as UnknownObjects;
}
