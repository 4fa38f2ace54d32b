import type { Reason } from './reason.js';

const FIRST_SECONDS = 30;
const LONGEST_SECONDS = 3600;
/** What was handed on is being deleted; should the planner have been ended before it began that, another does after this time. */
const HANDED_ON_SECONDS = 600;

/**
 * When a package of which nothing could go is looked at again: after a while that doubles with each refusal in a row, so that hopeless
 * ones never starve the rest; or when its reasons end by themselves, if all of them do.
 */
export function notBefore(refusals: number, reasons: readonly Reason[], now: Date): Date {
  const ends = reasons.map(({ until }) => (until === undefined ? NaN : Date.parse(until)));
  if (ends.length > 0 && ends.every((end) => Number.isFinite(end)))
    return new Date(Math.max(now.getTime(), ...ends));
  const seconds = Math.min(LONGEST_SECONDS, FIRST_SECONDS * 2 ** Math.min(refusals, 20));
  return new Date(now.getTime() + seconds * 1000);
}

/**
 * When a package is looked at again of which something goes.
 *
 * @param handedOn whether some of it is due, and so in the hands of a deletion now
 * @param untils the times at which what else is scheduled of it becomes due, in milliseconds
 */
export function lookAgainAt(handedOn: boolean, untils: readonly number[], now: Date): Date {
  return new Date(Math.min(...untils, ...(handedOn ? [now.getTime() + HANDED_ON_SECONDS * 1000] : [])));
}
