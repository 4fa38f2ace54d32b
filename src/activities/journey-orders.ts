import type {
  DataTransferInput,
  DeletionInput,
  DeletionOrder,
  LongTermArchiveTransferInput,
  RawDataPackageCreationInput,
} from '../core/journey-inputs.js';
import type { Dependencies } from './dependencies.js';

/** What a planner's activity tells of the journeys that it found; what each is told is the input of its workflow. */

/** What may be said of any of them. */
interface Started {
  /** Its journey was started by the activity that tells of it. Absent in answers of workers from before 2026-12, which left that to the workflow. */
  started?: true;
}

export interface PlannedPackage extends RawDataPackageCreationInput {
  /** Planned by this very call. */
  fresh: boolean;
}

export interface PlannedTransfer extends DataTransferInput, Started {}

export interface PlannedArchiving extends LongTermArchiveTransferInput, Started {}

/** A package of which something is due to be freed. */
export interface DueDeletion extends DeletionInput, Started {
  order: DeletionOrder;
}

/** The journeys that activities start, by the operation that they do, and what each is told. */
export interface JourneyOrders {
  raw_data_package_creation: PlannedPackage;
  data_transfer: PlannedTransfer;
  long_term_archive_transfer: PlannedArchiving;
  deletion: DueDeletion;
}

/**
 * Starts these journeys. One that runs, or has ended well and is not to be repeated, is left alone. One that can't be started keeps none of the
 * others from it.
 *
 * @throws ServiceUnavailableError where the same may succeed later
 * @throws ConfigurationError where the server refuses one for what it is
 */
export type StartJourneys = <K extends keyof JourneyOrders>(
  operation: K,
  orders: readonly JourneyOrders[K][],
) => Promise<void>;

/**
 * Starts what an activity has found and tells so. For activities that would find the same again, should they be killed meanwhile: nothing is
 * forgotten then.
 */
export async function started<K extends keyof JourneyOrders>(
  { startJourneys }: Pick<Dependencies, 'startJourneys'>,
  operation: K,
  orders: readonly JourneyOrders[K][],
): Promise<(JourneyOrders[K] & { started: true })[]> {
  await startJourneys(operation, orders);
  return orders.map((order) => ({ ...order, started: true }));
}
