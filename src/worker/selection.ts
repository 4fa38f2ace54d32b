import type { Location } from '../core/database/records.js';
import type { Operation } from '../core/operation-types.js';
import { parseTaskQueue, queuesOfLocation } from '../core/queue-discovery.js';

/** What one worker process serves. */
export interface WorkerSelection {
  /** The site whose storage this machine reaches; absent: every site, for installations on one machine. */
  site?: string;
  /** Only this location of the site. */
  location?: string;
  /** Only this operation. */
  operation?: Operation;
  /** Also the workflows and the catalogue's own work: wanted once or twice in the whole installation, near the catalogue. */
  workflows: boolean;
}

/** A queue that the topology gives a worker. */
export interface SelectedQueue {
  queue: string;
  /** False for a location that is switched off: what waits there is still done, nothing new comes. */
  active: boolean;
}

/** The queues of the selected locations. */
export function selectedQueues(
  locations: Pick<Location, 'site' | 'name' | 'locationType' | 'active'>[],
  selection: WorkerSelection,
): SelectedQueue[] {
  return locations
    .filter(
      ({ site, name }) =>
        (selection.site === undefined || site === selection.site) &&
        (selection.location === undefined || name === selection.location),
    )
    .flatMap((location) => queuesOfLocation(location).map((queue) => ({ queue, active: location.active })))
    .filter(
      ({ queue }) =>
        selection.operation === undefined || parseTaskQueue(queue)?.operation === selection.operation,
    );
}
