import type { Client } from '@temporalio/client';
import type { Location } from '../core/database/records.js';
import { ConfigurationError } from '../core/exceptions.js';
import type { Operation } from '../core/operation-types.js';
import { WORKFLOW_QUEUE } from '../core/queue-discovery.js';
import { plannerOf } from '../workflows/planners.js';
import type { RawDataPackagePlanningResult } from '../workflows/raw-data-package-planning.js';

export interface PlannerResult {
  /** Journeys started, or found under way. */
  planned: number;
  /** Of a source: what the scan found. */
  scan?: RawDataPackagePlanningResult['scan'];
}

/**
 * Has the work of one operation at a location planned now, and waits until that is done (the work itself goes on by itself). A run that is under
 * way already is joined.
 *
 * @throws ConfigurationError where the operation has no planner there
 */
export async function runPlanner(
  client: Client,
  operation: Operation,
  location: Pick<Location, 'site' | 'name'>,
  options: { quietSeconds?: number } = {},
): Promise<PlannerResult> {
  const planner = plannerOf(operation, { site: location.site, location: location.name });
  if (planner === undefined) {
    throw new ConfigurationError(
      `${operation} is not planned by itself: it is part of a journey that data_transfer_package_creation starts`,
      {
        operation,
        subject: `${location.site}.${location.name}`,
      },
    );
  }
  const handle = await client.workflow.start(planner.workflowType, {
    workflowId: `${planner.id}/now`,
    workflowIdConflictPolicy: 'USE_EXISTING',
    taskQueue: WORKFLOW_QUEUE,
    args: [{ ...(planner.input as object), ...options }],
    typedSearchAttributes: planner.typedSearchAttributes,
    staticSummary: `Plan ${operation} at ${location.site}.${location.name}, asked for by a client`,
  });
  return (await handle.result()) as PlannerResult;
}
