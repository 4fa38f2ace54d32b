import type { Way } from '../core/breakers.js';
import type { Location, Route } from '../core/database/records.js';
import { CCATDataOperationError } from '../core/exceptions.js';
import type { Dependencies } from './dependencies.js';
import { leftAloneFailure } from './failure.js';

/** Input that an operator's word to try again may come with: then the breaker is no obstacle. */
export interface Asked {
  asked?: boolean;
}

export function wayOver(route: Pick<Route, 'name'>, origin: Pick<Location, 'site' | 'name'>): Way {
  return { kind: 'route', name: route.name, place: { site: origin.site, location: origin.name } };
}

export function wayInto({ site, name }: Pick<Location, 'site' | 'name'>): Way {
  return { kind: 'store', name: `${site}.${name}`, place: { site, location: name } };
}

/** Errors that came from elsewhere than from the route or the store that the work is done with. */
const others = new WeakSet<object>();

/** Throws an error so that {@link throughBreaker} does not count it. */
export function blameOthers(error: unknown): never {
  if (typeof error === 'object' && error !== null) others.add(error);
  throw error;
}

/**
 * Does work over a route or with a store if it is not left alone, and tells its breaker how that went.
 *
 * @param act is given a function that tells early that the way works; the end of the work tells it anyway
 * @throws ApplicationFailure as {@link leftAloneFailure} makes it, where it is left alone: before anything is done, or after the
 *   failure that led to it
 */
export async function throughBreaker<T>(
  { breakers }: Pick<Dependencies, 'breakers'>,
  way: Way & Asked,
  act: (works: () => Promise<void>) => Promise<T>,
): Promise<T> {
  const admission = await breakers.admit(way, way.asked);
  if (!admission.admitted) throw leftAloneFailure(admission.leftAlone);
  let told: Promise<void> | undefined;
  const works = () => (told ??= breakers.succeeded(way));
  try {
    const result = await act(works);
    await works();
    return result;
  } catch (error) {
    const ofOthers = typeof error === 'object' && error !== null && others.has(error);
    const alone = await breakers.failed(way, ofOthers ? undefined : error);
    // Trying again is up to the breaker now, and no attempt is spent on it. What a person must mend is told as it is.
    if (alone !== undefined && error instanceof CCATDataOperationError && error.retryable)
      throw leftAloneFailure(alone);
    throw error;
  }
}
