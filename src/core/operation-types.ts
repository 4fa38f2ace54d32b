import type { LocationType } from './states.js';

/** How long work may take, in seconds. */
export interface Timeouts {
  /** One attempt, from its start on a worker. */
  startToClose: number;
  /** Silence after which an attempt is given up: no heartbeat, for which bytes must have moved. */
  heartbeat: number;
  /** All attempts together, waiting for a worker included; then an operator is asked. */
  scheduleToClose: number;
}

/** The waits between attempts, in seconds. How many attempts make sense is a matter of the error's class (`maxRetries`). */
export interface RetryPolicy {
  initialInterval: number;
  backoffCoefficient: number;
  maximumInterval: number;
}

/** How one kind of work is done. */
export interface Work {
  /** What it does, in one line. */
  description: string;
  /** Pieces of work that one worker does at a time on one queue. */
  concurrency: number;
  timeouts: Timeouts;
  retry: RetryPolicy;
}

export interface OperationType extends Work {
  /** The types of locations that have this operation, and so a queue for it. */
  locationTypes: readonly LocationType[];
  /** Whose queue its work waits in: its location's own (`{site}.{location}.{operation}`), or the catalogue's, where it needs no more than that. */
  queue: 'location' | 'catalogue';
}

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Long enough for a busy disk to come to the next beat, short enough to notice a killed worker soon. */
const HEARTBEAT = 15;

/** Whoever comes back after an outage is noticed within half a minute. */
const patient: RetryPolicy = { initialInterval: 1, backoffCoefficient: 2, maximumInterval: 30 };

/** One short transaction in a catalogue that may be away for days. */
const catalogueNumbers = {
  concurrency: 20,
  timeouts: { startToClose: 10 * MINUTE, heartbeat: HEARTBEAT, scheduleToClose: 7 * DAY },
  retry: patient,
} as const;

/**
 * The one table of operations: the kinds of work at a location, which locations have them, and every number of how they are done.
 *
 * Long work is bounded by time (`scheduleToClose`) and by bytes that move (an activity stops its heartbeat when none do), never by a
 * count of attempts: a restart of a worker spends an attempt. `docs/operation-types.md` shows the table.
 */
export const OPERATIONS = {
  raw_data_package_creation: {
    description: 'look through a source, write its files into packages in a buffer, record them',
    locationTypes: ['source'],
    queue: 'location',
    concurrency: 2,
    timeouts: { startToClose: 12 * HOUR, heartbeat: HEARTBEAT, scheduleToClose: 7 * DAY },
    retry: patient,
  },
  data_transfer_package_creation: {
    description: 'choose packages that wait in this buffer and a route for them',
    locationTypes: ['buffer'],
    queue: 'catalogue',
    ...catalogueNumbers,
  },
  data_transfer: {
    description: 'send packages from this buffer over a wide-area link, where an outage of days is expected',
    locationTypes: ['buffer'],
    queue: 'location',
    concurrency: 2,
    timeouts: { startToClose: 3 * DAY, heartbeat: HEARTBEAT, scheduleToClose: 14 * DAY },
    retry: patient,
  },
  data_transfer_unpacking: {
    description: 'read back what arrived in this buffer, and check each package',
    locationTypes: ['buffer'],
    queue: 'location',
    concurrency: 2,
    timeouts: { startToClose: 12 * HOUR, heartbeat: HEARTBEAT, scheduleToClose: 3 * DAY },
    retry: patient,
  },
  long_term_archive_transfer: {
    description: 'put packages into this archive and read them back; answer challenges',
    locationTypes: ['long_term_archive'],
    queue: 'location',
    concurrency: 3,
    timeouts: { startToClose: 1 * DAY, heartbeat: HEARTBEAT, scheduleToClose: 7 * DAY },
    retry: patient,
  },
  staging: {
    description: 'fetch packages from an archive, verify and unpack them here for processing',
    locationTypes: ['processing'],
    queue: 'location',
    concurrency: 2,
    timeouts: { startToClose: 1 * DAY, heartbeat: HEARTBEAT, scheduleToClose: 14 * DAY },
    retry: patient,
  },
  deletion: {
    description: 'check the promise once more, then free the copies here that are no longer needed',
    locationTypes: ['source', 'buffer', 'processing'],
    queue: 'location',
    concurrency: 2,
    timeouts: { startToClose: 12 * HOUR, heartbeat: HEARTBEAT, scheduleToClose: 3 * DAY },
    retry: patient,
  },
  monitoring: {
    description:
      'measure how full the disk here is; the next round measures anew, so an old one is soon given up',
    locationTypes: ['source', 'buffer', 'processing'],
    queue: 'location',
    concurrency: 1,
    timeouts: { startToClose: 2 * MINUTE, heartbeat: HEARTBEAT, scheduleToClose: 5 * MINUTE },
    retry: patient,
  },
  audit: {
    description: 'read archived copies again at a bounded rate, and repair them from another copy',
    locationTypes: ['long_term_archive'],
    queue: 'location',
    concurrency: 1,
    timeouts: { startToClose: 3 * DAY, heartbeat: HEARTBEAT, scheduleToClose: 14 * DAY },
    retry: patient,
  },
} as const satisfies Record<string, OperationType>;

/** The work that needs the catalogue and nothing else: planning, and recording what was done at a location. */
export const CATALOGUE_WORK = {
  description: 'plan and record in the catalogue',
  ...catalogueNumbers,
} as const satisfies Work;

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
