import type { SearchAttributePair } from '@temporalio/common';
import type { Operation } from '../core/operation-types.js';
import { searchAttributes } from './search-attributes.js';
import type { Place } from './journeys.js';

/** A planner: the workflow that finds work of one operation at one place and starts its journeys. */
export interface Planner {
  workflowType: string;
  operation: Operation;
  /** Also the ID of its schedule. */
  id: string;
  input: unknown;
  /** The location that it plans for, or its site. */
  place: { site: string; location?: string };
  typedSearchAttributes: SearchAttributePair[];
}

const PREFIX = 'plan/';

/** Whether an ID is that of a planner, or of its schedule. */
export function isPlannerId(id: string): boolean {
  return id.startsWith(PREFIX);
}

/** The operation that a planner of this ID plans; undefined where the ID is none of a planner. */
export function plannerOperation(id: string): string | undefined {
  return isPlannerId(id) ? id.split('/')[1] : undefined;
}

/** What plans an operation at a location; undefined where the operation is started by another journey instead. */
export function plannerOf(operation: Operation, place: Place): Planner | undefined {
  const at = `${place.site}.${place.location}`;
  const planner = (workflowType: string, id: string, input: unknown): Planner => ({
    workflowType,
    operation,
    id: `${PREFIX}${operation}/${id}`,
    input,
    place: id === at ? { ...place } : { site: place.site },
    typedSearchAttributes: searchAttributes({ site: place.site, operation: `plan_${operation}` }),
  });
  switch (operation) {
    case 'raw_data_package_creation':
      return planner('rawDataPackagePlanning', at, { source: place });
    case 'data_transfer_package_creation':
      return planner('dataTransferPackageCreation', at, { buffer: place });
    case 'long_term_archive_transfer':
      return planner('longTermArchivePlanning', at, { archive: place });
    case 'staging':
      return planner('stagingPlanning', at, { processing: place });
    case 'deletion':
      return planner('deletionPlanning', place.site, { site: place.site });
    case 'audit':
      return planner('auditPlanning', at, { archive: place });
    case 'monitoring':
      return planner('monitoring', at, { location: place });
    case 'data_transfer':
    case 'data_transfer_unpacking':
      return undefined;
  }
}
