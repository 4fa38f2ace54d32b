/** The outcome of a promise, so that a failure waits until its turn and is no unhandled rejection meanwhile. */
export async function settled<T>(promise: Promise<T>): Promise<PromiseSettledResult<T>> {
  const [outcome] = await Promise.allSettled([promise]);
  return outcome;
}

/** What an act gives that runs beside work which was begun before it. Both have ended when this does; the failure of the work goes first. */
export async function beside<T>(begun: Promise<unknown>, act: () => Promise<T>): Promise<T> {
  const work = settled(begun);
  try {
    return await act();
  } finally {
    outcomeOf(await work);
  }
}

/** What the promise gave, or its failure thrown. */
export function outcomeOf<T>(outcome: PromiseSettledResult<T>): T {
  if (outcome.status === 'rejected') throw outcome.reason;
  return outcome.value;
}
