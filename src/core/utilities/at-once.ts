/**
 * Works on up to `width` items at a time, beginning with the first. After a failure nothing new begins, and `stop` is called with it, so
 * that what is at hand may end; once that has, the first failure is thrown.
 */
export async function atOnce<Item>(
  items: Iterable<Item>,
  width: number,
  work: (item: Item) => Promise<void>,
  stop: (reason: unknown) => void = () => undefined,
): Promise<void> {
  const waiting = items[Symbol.iterator]();
  const failures: unknown[] = [];
  const one = async () => {
    for (let next = waiting.next(); failures.length === 0 && next.done !== true; next = waiting.next()) {
      try {
        await work(next.value);
      } catch (reason) {
        if (failures.push(reason) === 1) stop(reason);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, width) }, one));
  if (failures.length > 0) throw failures[0];
}
