import type { Reason } from './reason.js';

/** How much of a location may be scheduled for deletion within a while, so that no mistake empties it at once. */
export interface DeletionBudget {
  /** Length of that while. */
  seconds: number;
  bytes: number;
  copies: number;
  /** Part of the bytes at the location, from 0 to 1. */
  share: number;
}

/** What a location holds, and what of that was scheduled within the while of the budget or freed since. */
export interface LocationUse {
  /** Still there or freed within the while. */
  bytes: number;
  spentBytes: number;
  spentCopies: number;
}

/** So many copies may go whatever their share is: a location that holds a handful would never be freed otherwise. */
export const ALWAYS_WITHIN_SHARE = 10;

/** Why one more would be too much for now; undefined where it is within the budget. */
export function whyBeyondBudget(
  place: string,
  use: LocationUse,
  budget: DeletionBudget,
  one: { bytes: number },
): Reason | undefined {
  const beyond = (limit: string): Reason => ({
    code: 'budget',
    words: `the budget of ${place} is spent: ${use.spentCopies} copies of ${use.spentBytes} bytes were scheduled within ${budget.seconds} s, and ${limit}`,
  });
  if (!(use.spentCopies + 1 <= budget.copies)) return beyond(`${budget.copies} copies are the most`);
  // One that is larger than the whole budget goes alone.
  if (!(use.spentBytes + one.bytes <= budget.bytes) && use.spentCopies > 0)
    return beyond(`${budget.bytes} bytes are the most`);
  if (use.spentCopies < ALWAYS_WITHIN_SHARE) return undefined;
  if (!(use.spentBytes + one.bytes <= budget.share * use.bytes))
    return beyond(`no more than a share of ${budget.share} goes within that time`);
  return undefined;
}

/** The use after one more is scheduled. */
export function spend(use: LocationUse, one: { bytes: number }): LocationUse {
  return { ...use, spentBytes: use.spentBytes + one.bytes, spentCopies: use.spentCopies + 1 };
}
