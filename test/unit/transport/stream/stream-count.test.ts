import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FIRST_STREAMS, StreamCount } from '../../../../src/core/transport/stream/stream-count.js';

/** Looks so often at a line whose rate follows from the number of streams; says all counts that were wanted. */
function look(count: StreamCount, rateOf: (streams: number) => number, times: number): number[] {
  const wanted: number[] = [];
  for (let time = 0; time < times; time++) wanted.push(count.look(rateOf(count.streams)));
  return wanted;
}

test('where each stream adds to the rate there are soon as many as there may be', () => {
  const count = new StreamCount(64, 8);
  look(count, (streams) => streams * 1e6, 60);
  assert.equal(count.streams, 64);
});

test('where the line is full more streams are tried once, go again, and are not tried again for a minute', () => {
  const count = new StreamCount(64);
  const wanted = look(count, () => 1e8, 100);
  assert.ok(wanted.includes(2 * FIRST_STREAMS), 'more were never tried');
  assert.equal(count.streams, FIRST_STREAMS);
  assert.ok(wanted.filter((one) => one > FIRST_STREAMS).length < 10);
});

test('a line that takes more later is found out', () => {
  const count = new StreamCount(64);
  look(count, () => 1e8, 200);
  assert.equal(count.streams, FIRST_STREAMS);
  look(count, (streams) => streams * 1e7, 300);
  assert.equal(count.streams, 64);
});

test('there are never more than may be', () => {
  assert.equal(new StreamCount(4).streams, 4);
  const count = new StreamCount(40);
  assert.ok(look(count, (streams) => streams, 300).every((streams) => streams <= 40));
});
