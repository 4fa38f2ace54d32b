import { isGrpcServiceError, ServiceError } from '@temporalio/client';
import { CCATDataOperationError, NetworkError } from '../core/exceptions.js';
import { toPlain } from '../core/redaction.js';
import { printable } from '../core/utilities/printable.js';

/** Numbers of gRPC statuses that a server or a network gives while it is away: cancelled, unknown, deadline, exhausted, aborted, internal, unavailable. */
const PASSING_STATUSES = new Set([1, 2, 4, 8, 10, 13, 14]);

/** Whether an error of a server that we asked is likely to pass by itself. */
export function passes(error: unknown): boolean {
  if (error instanceof CCATDataOperationError) return error.retryable;
  if (isGrpcServiceError(error)) return PASSING_STATUSES.has(error.code);
  if (error instanceof ServiceError) return error.cause === undefined || passes(error.cause);
  if (!(error instanceof Error)) return false;
  // The client's own limits of time while it connects or waits for an answer.
  return (
    error.name === 'TransportError' ||
    error.name === 'WorkflowUpdateRPCTimeoutOrCancelledError' ||
    error.name === 'AbortError'
  );
}

/** The error in the system's own words: one of ours as it is, anything else wrapped. */
export function asOurs(error: unknown): CCATDataOperationError {
  if (error instanceof CCATDataOperationError) return error;
  const message = shortMessage(error);
  if (passes(error)) {
    return new NetworkError(`Temporal does not answer: ${message}`, {
      subject: 'Temporal',
      advice: 'check that its server runs and can be reached',
      cause: error,
    });
  }
  return new CCATDataOperationError(message, {
    advice: 'This error has no class of its own: it may be a defect.',
    cause: error,
  });
}

/** What went wrong in one line, the innermost cause of Temporal's wrappers included, secrets left out. */
export function shortMessage(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const inner =
    error.cause instanceof Error && !(error instanceof CCATDataOperationError)
      ? `: ${shortMessage(error.cause)}`
      : '';
  return printable(String(toPlain(`${error.message || error.name}${inner}`)));
}
