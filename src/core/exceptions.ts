/**
 * The error hierarchy: 25 classes, the vocabulary in which every failure of this system is told.
 *
 * Each class says whether trying again can help (`retryable`) and how many further tries make sense (`maxRetries`);
 * each error carries the operation, its subject, what to do (`advice`) and further context. Where an error
 * becomes a Temporal failure is `activities/failure.ts`, and nowhere else.
 *
 * The names are those of the original system; class and disposition are two things: a subclass may differ from its
 * parent in whether it is retried.
 */

export type JsonValue = string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue };

/** What an error knows besides its message. All of it may be shown to operators: never put a secret here. */
export interface ErrorDetails {
  /** The operation that failed, as in `operation-types.ts`. */
  operation?: string;
  /** What it failed on: a file, a package, a location. */
  subject?: string;
  /** What a person can do about it, as a sentence. */
  advice?: string;
  /** Further facts. */
  context?: Record<string, JsonValue>;
  /** Wait at least this long before the next try, in seconds, where the error knows better than the policy. */
  retryAfterSeconds?: number;
  cause?: unknown;
}

/** Base of all errors of this system. Not retried unless a class says so. */
export class CCATDataOperationError extends Error {
  /** Whether trying again, with nothing changed, can succeed. */
  static readonly retryable: boolean = false;
  /** How many tries after the first make sense; `Infinity` where only time bounds them. */
  static readonly maxRetries: number = Infinity;
  /** True for outcomes that are no failures: asked to stop, nothing to do. */
  static readonly expected: boolean = false;

  readonly operation: string | undefined;
  readonly subject: string | undefined;
  readonly advice: string | undefined;
  readonly context: Record<string, JsonValue>;
  readonly retryAfterSeconds: number | undefined;

  constructor(message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    this.operation = details.operation;
    this.subject = details.subject;
    this.advice = details.advice;
    this.context = details.context ?? {};
    this.retryAfterSeconds = details.retryAfterSeconds;
  }

  get retryable(): boolean {
    return (this.constructor as typeof CCATDataOperationError).retryable;
  }

  get maxRetries(): number {
    return (this.constructor as typeof CCATDataOperationError).maxRetries;
  }

  get expected(): boolean {
    return (this.constructor as typeof CCATDataOperationError).expected;
  }
}

// --- retried -------------------------------------------------------------------------------------------------------

/** Something that is likely to pass by itself. */
export class RetryableError extends CCATDataOperationError {
  static override readonly retryable = true;
}

/** A connection failed, was refused or broke off. */
export class NetworkError extends RetryableError {}

/** A disk or an object store failed for now: full, busy, I/O error. */
export class StorageError extends RetryableError {}

/** A service answered that it can't serve now. */
export class ServiceUnavailableError extends RetryableError {}

/** The catalogue can't be reached or broke off. */
export class DatabaseError extends RetryableError {}

/** A statement of ours failed in the catalogue in a way that a new transaction may cure (deadlock, serialization). */
export class DatabaseOperationError extends DatabaseError {}

/** Bytes on their way between two sites did not get through. */
export class DataTransferError extends RetryableError {}

/** bbcp failed. */
export class BBCPError extends DataTransferError {}

/** bbcp crashed, as it is known to. */
export class SegmentationFaultError extends BBCPError {}

/** The name is taken at the destination by something else; retried after the bad target was cleared. */
export class DestinationFileExistsError extends DataTransferError {
  static override readonly maxRetries = 3;
}

/** A digest differs from what it must be; retried after the bytes were fetched again. */
export class ChecksumVerificationError extends RetryableError {
  static override readonly maxRetries = 3;
}

// --- by subject ----------------------------------------------------------------------------------------------------

/** A package can't be made, read or understood as it is. */
export class PackageError extends CCATDataOperationError {}

/** Writing a package failed for now. */
export class ArchiveCreationError extends PackageError {
  static override readonly retryable = true;
}

/** Reading or unpacking a package failed for now. */
export class UnpackError extends PackageError {
  static override readonly retryable = true;
}

/** The long-term archive did not take or give back an object for now. */
export class ArchiveError extends CCATDataOperationError {
  static override readonly retryable = true;
}

/** Deleting was refused or failed; a person must look. */
export class DeletionError extends CCATDataOperationError {}

// --- never retried -------------------------------------------------------------------------------------------------

/** Trying again with nothing changed can't succeed. */
export class NonRetryableError extends CCATDataOperationError {}

/** The other side said no for good: permission, missing object, refused input. */
export class PermanentError extends NonRetryableError {}

/** A setting, a credential or the topology is wrong. */
export class ConfigurationError extends NonRetryableError {}

/** Bytes of ours are not what their digest says. */
export class DataCorruptionError extends NonRetryableError {}

/** A package is damaged; only a good copy sent again helps. */
export class ArchiveCorruptionError extends DataCorruptionError {}

// --- no failures ---------------------------------------------------------------------------------------------------

/** There is nothing to start now. */
export class ScheduleError extends CCATDataOperationError {
  static override readonly expected = true;
}

/** There is no further archive to replicate to. */
export class NoSecondaryRoutesError extends CCATDataOperationError {
  static override readonly expected = true;
}

/** The process was asked to stop; the work goes on elsewhere or later. */
export class ServiceExit extends CCATDataOperationError {
  static override readonly retryable = true;
  static override readonly expected = true;
}
