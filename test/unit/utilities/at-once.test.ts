import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'node:test';
import fc from 'fast-check';
import { atOnce } from '../../../src/core/utilities/at-once.js';

test('everything is worked on, never more at once than the width', () =>
  fc.assert(
    fc.asyncProperty(fc.array(fc.integer()), fc.integer({ min: 1, max: 9 }), async (items, width) => {
      const seen: number[] = [];
      let [running, most] = [0, 0];
      await atOnce(items, width, async (item) => {
        most = Math.max(most, ++running);
        await sleep(0);
        running -= 1;
        seen.push(item);
      });
      assert.deepEqual(seen.toSorted(), items.toSorted());
      assert.equal(most, Math.min(width, items.length));
    }),
    { numRuns: 30 },
  ));

test('after a failure nothing begins, what is at hand is told to stop and waited for, and the first failure is thrown', async () => {
  const stopped = new AbortController();
  const begun: number[] = [];
  let ended = 0;
  const work = async (item: number) => {
    begun.push(item);
    if (item === 2) throw new Error('two');
    await sleep(60_000, undefined, { signal: stopped.signal }).catch(() => undefined);
    await sleep(10);
    ended += 1;
    throw new Error('told to stop');
  };
  await assert.rejects(
    atOnce([1, 2, 3, 4, 5], 3, work, (reason) => stopped.abort(reason)),
    /^Error: two$/,
  );
  assert.deepEqual(begun, [1, 2, 3]);
  assert.equal(ended, 2);
});
