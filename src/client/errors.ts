import { isGrpcServiceError, ServiceError, WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { errorClassNamed } from '../core/error-class.js';
import { CCATDataOperationError, NetworkError } from '../core/exceptions.js';
import { toPlain } from '../core/redaction.js';
import { statusPasses } from '../core/utilities/grpc-status.js';
import { printable } from '../core/utilities/printable.js';

/** Whether an error of a server that we asked is likely to pass by itself. */
export function passes(error: unknown): boolean {
  if (error instanceof CCATDataOperationError) return error.retryable;
  if (isGrpcServiceError(error)) return statusPasses(error.code);
  if (error instanceof ServiceError) return error.cause === undefined || passes(error.cause);
  if (!(error instanceof Error)) return false;
  // The client's own limits of time while it connects or waits for an answer.
  return (
    error.name === 'TransportError' ||
    error.name === 'WorkflowUpdateRPCTimeoutOrCancelledError' ||
    error.name === 'AbortError'
  );
}

/** The error in the system's own words: one of ours as it is, also where a workflow failed of it; anything else wrapped. */
export function asOurs(error: unknown): CCATDataOperationError {
  if (error instanceof CCATDataOperationError) return error;
  const thrown = error instanceof WorkflowFailedError ? thrownInWorkflow(error) : undefined;
  if (thrown !== undefined) return thrown;
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

/** What an activity threw, as it was before it became the failure of its workflow. */
function thrownInWorkflow(error: WorkflowFailedError): CCATDataOperationError | undefined {
  let failure: unknown = error.cause;
  while (failure instanceof Error && !(failure instanceof ApplicationFailure)) failure = failure.cause;
  if (!(failure instanceof ApplicationFailure)) return undefined;
  const Thrown = errorClassNamed(failure.type ?? '');
  if (Thrown === undefined) return undefined;
  const { operation, subject, advice } = (failure.details?.[0] ?? {}) as Partial<Record<string, string>>;
  return new Thrown(failure.message, { operation, subject, advice, cause: error });
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
