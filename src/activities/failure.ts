import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common';
import { CCATDataOperationError, type JsonValue } from '../core/exceptions.js';
import { leftAloneInWords, type LeftAlone } from '../core/policy/breaker.js';

/** Tries after which an error that nobody classified is taken for a defect, which trying again won't cure. */
const TRIES_FOR_THE_UNKNOWN = 5;

/**
 * The one place where a thrown error becomes an activity failure: type = class name, `nonRetryable` by the class's
 * disposition and its `maxRetries`, details = what the error knows, next delay where it knows better than the policy.
 *
 * @param attempt the attempt that failed, from 1
 */
export function toActivityFailure(error: unknown, attempt: number): ApplicationFailure {
  if (error instanceof ApplicationFailure) return error;
  if (!(error instanceof CCATDataOperationError)) {
    const cause = error instanceof Error ? error : new Error(String(error));
    return ApplicationFailure.create({
      type: 'CCATDataOperationError',
      message: `${cause.name}: ${cause.message}`,
      nonRetryable: attempt >= TRIES_FOR_THE_UNKNOWN,
      details: [
        {
          advice:
            'This error has no class of its own: it may be a defect. Its stack is in the log of the worker.',
        },
      ],
      cause,
    });
  }
  return ApplicationFailure.create({
    type: error.name,
    message: error.message,
    nonRetryable: !error.retryable || attempt > error.maxRetries,
    nextRetryDelay: error.retryAfterSeconds === undefined ? undefined : `${error.retryAfterSeconds} seconds`,
    category: error.expected ? ApplicationFailureCategory.BENIGN : undefined,
    details: [detailsOf(error)],
    cause: error,
  });
}

/**
 * The failure of an attempt that was not made, because its route or store is left alone. Temporal does not try it again: that would
 * spend attempts and the places of a worker on nothing. The workflow waits, or goes another way (`workflows/left-alone.ts`).
 */
export function leftAloneFailure(alone: LeftAlone): ApplicationFailure {
  const advice = `It goes on by itself. \`cdt breakers reset ${alone.kind}/${alone.name} --reason ...\` lets it be tried at once.`;
  return ApplicationFailure.create({
    type: 'ServiceUnavailableError',
    message: leftAloneInWords(alone),
    nonRetryable: true,
    category: ApplicationFailureCategory.BENIGN,
    details: [{ leftAlone: alone, advice }],
  });
}

function detailsOf(error: CCATDataOperationError): Record<string, JsonValue> {
  const { operation, subject, advice, context } = error;
  const known = { operation, subject, advice };
  return {
    ...context,
    ...Object.fromEntries(Object.entries(known).filter(([, value]) => value !== undefined)),
  } as Record<string, JsonValue>;
}
