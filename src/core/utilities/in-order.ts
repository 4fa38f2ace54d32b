/**
 * Works on up to `width` items at a time and yields what came of them in the items' order.
 * The first failure is thrown in its turn; work under way is waited for however the loop ends.
 */
export async function* inOrder<Item, Result>(
  items: Iterable<Item>,
  width: number,
  work: (item: Item) => Promise<Result>,
): AsyncGenerator<Result> {
  // Settled promises, so that a failure ahead of its turn is not an unhandled rejection.
  const running: Promise<PromiseSettledResult<Result>>[] = [];
  try {
    for (const item of items) {
      running.push(settle(work(item)));
      if (running.length >= width) yield await takeFirst(running);
    }
    while (running.length > 0) yield await takeFirst(running);
  } finally {
    await Promise.all(running);
  }
}

async function settle<Result>(promise: Promise<Result>): Promise<PromiseSettledResult<Result>> {
  const [settled] = await Promise.allSettled([promise]);
  return settled;
}

async function takeFirst<Result>(running: Promise<PromiseSettledResult<Result>>[]): Promise<Result> {
  const settled = (await running.shift()) as PromiseSettledResult<Result>;
  if (settled.status === 'rejected') throw settled.reason;
  return settled.value;
}
