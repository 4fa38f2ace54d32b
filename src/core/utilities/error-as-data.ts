import * as exceptions from '../exceptions.js';
import { CCATDataOperationError, type ErrorDetails } from '../exceptions.js';

/** An error on its way between two threads, which copy data but not classes. */
export interface ErrorAsData {
  name: string;
  message: string;
  stack?: string;
  /** Of errors of the system. */
  code?: string;
  syscall?: string;
  /** Of errors of ours. */
  details?: Omit<ErrorDetails, 'cause'>;
  cause?: ErrorAsData;
}

/** What is kept of an error: all that decides about it, and its causes. */
export function errorAsData(error: unknown): ErrorAsData {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error) };
  const { name, message, stack, code, syscall } = error as NodeJS.ErrnoException;
  return {
    name,
    message,
    stack,
    ...(code !== undefined && { code }),
    ...(syscall !== undefined && { syscall }),
    ...(error instanceof CCATDataOperationError && { details: detailsOf(error) }),
    ...(error.cause !== undefined && { cause: errorAsData(error.cause) }),
  };
}

/** The error again, of the class that it had, if that is one of `exceptions.ts`. */
export function reviveError({ name, message, stack, details, cause, ...system }: ErrorAsData): Error {
  const revived = cause && reviveError(cause);
  const Class = (exceptions as Record<string, unknown>)[name] as typeof CCATDataOperationError | undefined;
  if (details !== undefined && Class !== undefined) return new Class(message, { ...details, cause: revived });
  return Object.assign(new Error(message, revived && { cause: revived }), { name, stack, ...system });
}

function detailsOf(error: CCATDataOperationError): Omit<ErrorDetails, 'cause'> {
  const { operation, subject, advice, context, retryAfterSeconds } = error;
  return { operation, subject, advice, context, retryAfterSeconds };
}
