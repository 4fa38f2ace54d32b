/** The outcome of a promise, so that a failure waits until its turn and is no unhandled rejection meanwhile. */
export async function settled<T>(promise: Promise<T>): Promise<PromiseSettledResult<T>> {
  const [outcome] = await Promise.allSettled([promise]);
  return outcome;
}

/** What the promise gave, or its failure thrown. */
export function outcomeOf<T>(outcome: PromiseSettledResult<T>): T {
  if (outcome.status === 'rejected') throw outcome.reason;
  return outcome.value;
}
