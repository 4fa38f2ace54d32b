import { ActivityFailure, ApplicationFailure, ChildWorkflowFailure, patched } from '@temporalio/workflow';
import type { LeftAlone } from '../core/policy/breaker.js';

/** The failure at the bottom: what an activity threw, or Temporal in its place. */
export function rootCause(error: unknown): unknown {
  let cause = error;
  while (
    (cause instanceof ActivityFailure || cause instanceof ChildWorkflowFailure) &&
    cause.cause !== undefined
  )
    cause = cause.cause;
  return cause;
}

/**
 * What a step failed to begin for: the route or the store that its activity found left alone. Undefined for every other failure.
 *
 * Before the patch an operator was asked about it, as about any failure that is not tried again.
 */
export function leftAloneBy(error: unknown): LeftAlone | undefined {
  const cause = rootCause(error);
  if (!(cause instanceof ApplicationFailure)) return undefined;
  const details = cause.details?.[0] as { leftAlone?: LeftAlone } | undefined;
  if (details?.leftAlone === undefined) return undefined;
  return patched('wait-for-breakers-2026-11') ? details.leftAlone : undefined;
}
