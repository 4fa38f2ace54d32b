import {
  ArchiveError,
  BBCPError,
  CCATDataOperationError,
  ChecksumVerificationError,
  ConfigurationError,
  DatabaseError,
  NetworkError,
  ServiceExit,
  ServiceUnavailableError,
  StorageError,
} from '../exceptions.js';

/**
 * What a failure speaks of.
 * - `way`: the route or the store that was used; the next item would fare no better over it
 * - `item`: the very package or transfer; the others may go well
 * - `moment`: a disk, the catalogue or this process at this moment; neither's fault
 */
export type FailureKind = 'way' | 'item' | 'moment';

/** Which kind a failure is. An error that has no class is the item's: it may be a defect that this item alone finds. */
export function kindOfFailure(error: unknown): FailureKind {
  if (!(error instanceof CCATDataOperationError)) return 'item';
  if (error.expected || error instanceof ServiceExit || error instanceof DatabaseError) return 'moment';
  if (
    error instanceof NetworkError ||
    error instanceof ServiceUnavailableError ||
    error instanceof ConfigurationError ||
    error instanceof BBCPError
  )
    return 'way';
  if (error instanceof StorageError) return 'moment';
  // A store that does not take an object now may be busy with another attempt at the same one.
  if (error instanceof ArchiveError || error instanceof ChecksumVerificationError) return 'item';
  return 'item';
}

/** Whether trying the same way again is of no use until a person changed something there: a refused key, a wrong path. */
export function isForGood(error: unknown): boolean {
  return error instanceof ConfigurationError;
}
