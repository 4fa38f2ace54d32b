import type { LocationType } from './states.js';

/** The kinds of work at a location, and which locations have them. Timeouts and retries: `workflows/operations.ts`. */
export const OPERATIONS = {
  raw_data_package_creation: { locationTypes: ['source'], concurrency: 2 },
  data_transfer_package_creation: { locationTypes: ['buffer'], concurrency: 1 },
  data_transfer: { locationTypes: ['buffer'], concurrency: 2 },
  data_transfer_unpacking: { locationTypes: ['buffer'], concurrency: 2 },
  long_term_archive_transfer: { locationTypes: ['long_term_archive'], concurrency: 3 },
  deletion: { locationTypes: ['source', 'buffer'], concurrency: 2 },
} as const satisfies Record<string, { locationTypes: readonly LocationType[]; concurrency: number }>;

export type Operation = keyof typeof OPERATIONS;

export const OPERATION_NAMES = Object.keys(OPERATIONS) as Operation[];

export function isOperation(name: string): name is Operation {
  return Object.hasOwn(OPERATIONS, name);
}

/** The operations that a location of this type has. */
export function operationsOf(type: LocationType): Operation[] {
  return OPERATION_NAMES.filter((name) =>
    (OPERATIONS[name].locationTypes as readonly LocationType[]).includes(type),
  );
}
