import { ActivityFailure, proxyActivities, setCurrentDetails, TimeoutFailure } from '@temporalio/workflow';
import type { MonitoringActivities, MonitoringFacts } from '../activities/monitoring.js';
import { formatBytes } from '../core/utilities/format.js';
import type { Place } from './journeys.js';
import { workAt } from './operations.js';

/** Measures how full the disk of a location is. A round that nobody serves is given up: the next one measures anew. */
export async function monitoring(input: {
  location: Place;
}): Promise<{ planned: number; found?: MonitoringFacts }> {
  const { location } = input;
  const { measureLocation } = proxyActivities<MonitoringActivities>(workAt('monitoring', location));
  setCurrentDetails(`measuring ${location.site}.${location.location}`);
  try {
    const found = await measureLocation(location);
    setCurrentDetails(detailsOf(found));
    return { planned: 0, found };
  } catch (error) {
    if (!(error instanceof ActivityFailure && error.cause instanceof TimeoutFailure)) throw error;
    setCurrentDetails('not measured: no worker answered in time');
    return { planned: 0 };
  }
}

function detailsOf({ condition, reason, level, totalBytes, freeBytes }: MonitoringFacts): string {
  if (condition === undefined) return 'its directory is made when it is used first';
  if (condition !== 'usable') return `${condition}: ${reason ?? ''}`;
  return `${level ?? ''}: ${formatBytes(freeBytes)} of ${formatBytes(totalBytes)} free`;
}
