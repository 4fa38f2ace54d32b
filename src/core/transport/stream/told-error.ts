import type { z } from 'zod';
import { errorClassNamed } from '../../error-class.js';
import { CCATDataOperationError, DataTransferError } from '../../exceptions.js';
import { printable } from '../../utilities/printable.js';
import type { toldError } from './frames.js';

export type ToldError = z.infer<typeof toldError>;

/** An error of one end as it is told to the other, cut to what a frame takes. An error without a class is not told in its own words. */
export function tell(error: unknown): ToldError {
  if (!(error instanceof CCATDataOperationError))
    return { class: 'DataTransferError', message: 'something unexpected went wrong; the log there has it' };
  const { name, message, advice, subject, retryAfterSeconds } = error;
  return {
    class: name,
    message: message.slice(0, 4000),
    advice: advice?.slice(0, 2000),
    subject: subject?.slice(0, 300),
    retryAfterSeconds,
  };
}

/** What the other end told, as an error of ours, of the same class where we know it. */
export function revive(told: ToldError, from: string): CCATDataOperationError {
  const Known = errorClassNamed(told.class) ?? DataTransferError;
  return new Known(`${from}: ${printable(told.message)}`, {
    subject: told.subject === undefined ? undefined : printable(told.subject),
    advice: told.advice === undefined ? undefined : printable(told.advice),
    retryAfterSeconds: told.retryAfterSeconds,
  });
}
