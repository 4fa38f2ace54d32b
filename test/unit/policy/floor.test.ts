import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FloorWatch } from '../../../src/core/policy/floor.js';
import { TokenBucket, TokenBuckets } from '../../../src/core/utilities/token-bucket.js';

const FLOOR = { bytesPerSecond: 1000, windowSeconds: 60 };

/** What the watch says each second while bytes move at a rate. */
function watch(bytesPerSecond: number, seconds: number, heldBackMs = 0) {
  const found = new FloorWatch(FLOOR, 0);
  const said: string[] = [];
  for (let second = 1; second <= seconds; second++) {
    found.progress(second * bytesPerSecond);
    if (heldBackMs > 0) found.heldBack(heldBackMs);
    said.push(found.at(second * 1000));
  }
  return said;
}

test('a stream that drips is dead after a window, a fast one is alive, and neither is judged before', () => {
  const dripping = watch(1, 90);
  assert.ok(dripping.slice(0, 59).every((one) => one === 'early'));
  assert.equal(dripping[60], 'dead');
  const fast = watch(2000, 90);
  assert.ok(fast.slice(61).every((one) => one === 'alive'));
});

test('a fast stream that becomes slow is dead a window later', () => {
  const found = new FloorWatch(FLOOR, 0);
  let [bytes, died] = [0, 0];
  for (let second = 1; died === 0 && second < 1000; second++) {
    found.progress((bytes += second <= 100 ? 10_000 : 1));
    if (found.at(second * 1000) === 'dead') died = second;
  }
  assert.ok(died > 100 && died <= 161, String(died));
});

test('time in which a limit held the work back does not count', () => {
  assert.ok(watch(100, 200, 950).every((one) => one !== 'dead'));
});

test('streams that share a limit keep to it together, and each gets its turn', () => {
  let now = 0;
  const bucket = new TokenBucket(1000, () => now);
  const first = bucket.reserve(1000);
  const second = bucket.reserve(1000);
  assert.ok(second - first === 1000 && second >= 1000);
  now = 100_000;
  assert.equal(bucket.reserve(1000), 0, 'a short burst after a pause');
  assert.equal(bucket.reserve(1000), 1000);
});

test('a route has one bucket in a process, and a limit that was changed holds at once', () => {
  const buckets = new TokenBuckets();
  const one = buckets.of('ccat_to_cologne', 100);
  assert.equal(buckets.of('ccat_to_cologne', 200), one);
  assert.equal(one?.bytesPerSecond, 200);
  assert.equal(buckets.of('other', undefined), undefined);
});

test('who waits for a limit stops when told to', async () => {
  const bucket = new TokenBucket(1);
  const stop = new AbortController();
  const waits: number[] = [];
  const taking = bucket.take(1_000_000, { signal: stop.signal, onWait: (wait) => waits.push(wait) });
  stop.abort(new Error('enough'));
  await assert.rejects(taking, /enough/);
  assert.equal(waits.length, 1);
});
