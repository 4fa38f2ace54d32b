import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BufferPool, type Lease } from '../../../../src/core/transport/stream/buffer-pool.js';

const KIB = 1024;
const MOST = 512 * KIB;

test('no more than the bound is lent, those who wait are served in their turn, and all of it comes back', () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ bytes: fc.integer({ min: 1, max: MOST }), giveBack: fc.boolean() }), {
        maxLength: 40,
      }),
      async (asked) => {
        const pool = new BufferPool(MOST);
        const served: number[] = [];
        const out: Lease[] = [];
        const waiting = asked.map(async ({ bytes, giveBack }, index) => {
          const lease = await pool.take(bytes);
          served.push(index);
          assert.equal(lease.buffer.length, bytes);
          assert.ok(pool.lent <= MOST, `${pool.lent} bytes are lent`);
          if (giveBack) lease.release();
          else out.push(lease);
        });
        while (served.length < asked.length) {
          await new Promise((resolve) => setImmediate(resolve));
          const lease = out.shift();
          lease?.release();
          lease?.release(); // twice is once
        }
        await Promise.all(waiting);
        assert.deepEqual(
          served,
          asked.map((_, index) => index),
        );
        for (const lease of out) lease.release();
        assert.equal(pool.lent, 0);
      },
    ),
  ));

test('two who have a buffer at the same time never have the same bytes, and what was given back is used again', async () => {
  const pool = new BufferPool(MOST);
  const [one, other] = await Promise.all([pool.take(64 * KIB), pool.take(64 * KIB)]);
  one.buffer.fill(1);
  other.buffer.fill(2);
  assert.ok(one.buffer.every((byte) => byte === 1));
  one.release();
  const again = await pool.take(40 * KIB);
  assert.equal(again.buffer.buffer, one.buffer.buffer);
  assert.equal(other.buffer[0], 2);
});

test('one that is larger than the bound is lent alone', async () => {
  const pool = new BufferPool(64 * KIB);
  const large = await pool.take(256 * KIB);
  let isServed = false;
  const small = pool.take(1).then((lease) => {
    isServed = true;
    return lease;
  });
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(isServed, false);
  large.release();
  (await small).release();
});
