import type { Client } from '@temporalio/client';
import type { Location } from '../core/database/records.js';
import { ConfigurationError } from '../core/exceptions.js';
import { OPERATIONS, type Operation } from '../core/operation-types.js';
import { WORKFLOW_QUEUE } from '../core/queue-discovery.js';
import { placeName } from '../core/settings-manager.js';
import type { LocationType } from '../core/states.js';
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
  location: Pick<Location, 'site' | 'name' | 'locationType' | 'active'>,
  options: { quietSeconds?: number } = {},
): Promise<PlannerResult> {
  const { site, name, locationType, active } = location;
  const place = { site, location: name };
  const refused = (why: string) =>
    new ConfigurationError(`${operation} can't be planned at ${placeName(place)}: ${why}`, {
      operation,
      subject: placeName(place),
      advice: '`cdt topology show` lists the locations.',
    });
  const planner = plannerOf(operation, place);
  if (planner === undefined)
    throw refused('it is part of a journey, which data_transfer_package_creation starts');
  // What follows would wait for ever: no worker takes it up.
  const types: readonly LocationType[] = OPERATIONS[operation].locationTypes;
  if (!types.includes(locationType))
    throw refused(`that is a location of type ${locationType}, and it is done at ${types.join(', ')}`);
  if (!active) throw refused('it is switched off, and nothing new is begun there');
  const handle = await client.workflow.start(planner.workflowType, {
    workflowId: `${planner.id}/now`,
    workflowIdConflictPolicy: 'USE_EXISTING',
    taskQueue: WORKFLOW_QUEUE,
    args: [{ ...(planner.input as object), ...options }],
    typedSearchAttributes: planner.typedSearchAttributes,
    staticSummary: `Plan ${operation} at ${placeName(place)}, asked for by a client`,
  });
  return (await handle.result()) as PlannerResult;
}
