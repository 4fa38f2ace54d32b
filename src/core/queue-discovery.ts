import { ConfigurationError } from './exceptions.js';
import { isOperation, OPERATIONS, operationsOf, type Operation } from './operation-types.js';
import type { LocationType } from './states.js';

/** The queue that all workflows run on. */
export const WORKFLOW_QUEUE = 'cdt.workflows';
/** The queue of the work that needs the catalogue and nothing else; served beside the workflows. */
export const CATALOGUE_QUEUE = 'cdt.catalogue';

const SLUG = /^[a-z0-9](?:[a-z0-9_-]{0,46}[a-z0-9])?$/;

/** Whether a site's or location's name may be part of a queue name: lower case, digits, `_`, `-`; no dot. */
export function isSlug(name: string): boolean {
  return SLUG.test(name);
}

/** The name of the queue for one operation at one location: `{site}.{location}.{operation}`. */
export function taskQueue(site: string, location: string, operation: Operation): string {
  for (const name of [site, location]) {
    if (!isSlug(name))
      throw new ConfigurationError(`"${name}" can't be a name of a site or location: use a-z, 0-9, _ and -`);
  }
  return `${site}.${location}.${operation}`;
}

/** The inverse of {@link taskQueue}. */
export function parseTaskQueue(
  queue: string,
): { site: string; location: string; operation: Operation } | undefined {
  const [site, location, operation, ...rest] = queue.split('.');
  if (site === undefined || location === undefined || operation === undefined || rest.length > 0)
    return undefined;
  return isSlug(site) && isSlug(location) && isOperation(operation)
    ? { site, location, operation }
    : undefined;
}

/** Every queue of a location: one for each of its operations that is done there. */
export function queuesOfLocation(location: {
  site: string;
  name: string;
  locationType: LocationType;
}): string[] {
  return operationsOf(location.locationType)
    .filter((operation) => OPERATIONS[operation].queue === 'location')
    .map((operation) => taskQueue(location.site, location.name, operation));
}
