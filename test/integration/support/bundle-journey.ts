import { CATALOGUE_QUEUE, taskQueue, WORKFLOW_QUEUE } from '../../../src/core/queue-discovery.js';
import { dataTransferJourney } from '../../../src/workflows/journeys.js';
import type { TemporalLab } from './temporal.js';

/** The one package of the bundle. */
export const NAME = 'obs-1_chai_part-1';

/** Has the real workflow send a bundle from ccat to cologne, with these activities, until it is over. */
export function sendBundle(
  lab: TemporalLab,
  activities: { catalogue: object; origin: object; destination: object },
): Promise<unknown> {
  const journey = dataTransferJourney({
    dataTransferId: lab.unique('t'),
    name: 'a-bundle',
    origin: { site: 'ccat', location: 'buffer' },
    destination: { site: 'cologne', location: 'buffer' },
    observations: ['obs 1'],
    packages: [NAME],
  });
  return lab.withWorkers(
    {
      [CATALOGUE_QUEUE]: activities.catalogue,
      [taskQueue('ccat', 'buffer', 'data_transfer')]: activities.origin,
      [taskQueue('cologne', 'buffer', 'data_transfer_unpacking')]: activities.destination,
    },
    () =>
      lab.client.workflow.execute(journey.workflowType, {
        workflowId: journey.workflowId,
        taskQueue: WORKFLOW_QUEUE,
        args: [journey.input],
        typedSearchAttributes: journey.typedSearchAttributes,
      }),
  );
}
