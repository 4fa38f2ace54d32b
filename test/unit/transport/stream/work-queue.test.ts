import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Sending } from '../../../../src/core/transport/stream/sending.js';
import { WorkQueue, type Load } from '../../../../src/core/transport/stream/work-queue.js';

const MIB = 1024 * 1024;
const sending = { number: 1 } as unknown as Sending;
const taker = { appetite: 8 * MIB };

function piece(number: number): Load {
  const place = { number, offset: 0, length: MIB, sha256: '', wrong: 0 };
  return { sending, kind: 'piece', piece: place, body: Buffer.alloc(0), release: () => undefined };
}

/** Takes as many of these as the queue gives at once. */
async function taken(queue: WorkQueue, most: number): Promise<Load[]> {
  const given: Load[] = [];
  for (let number = 1; number <= most; number++) queue.push(piece(number));
  const nothing = Symbol();
  for (;;) {
    const leaving = { ...taker };
    const work = await Promise.race([queue.take(leaving), Promise.resolve(nothing)]);
    queue.leave(leaving);
    if (typeof work === 'symbol') return given;
    given.push(work as Load);
  }
}

test('a piece that has come makes room for the next, answered or not; no more may wait for its answer than some windows', async () => {
  const queue = new WorkQueue();
  const first = await taken(queue, 2000);
  assert.equal(first.length, queue.window / MIB);
  for (const work of first) queue.came(work);
  const came = [...first];
  for (let more = await taken(queue, 0); more.length > 0; more = await taken(queue, 0)) {
    for (const work of more) queue.came(work);
    came.push(...more);
    assert.ok(came.length < 1000, 'what waits for an answer has a bound');
  }
  assert.ok(came.length >= (2 * queue.window) / MIB, 'the line is not held up by a disk for a moment');
  for (const work of came.slice(0, came.length / 2)) queue.answered(work);
  assert.notEqual((await taken(queue, 0)).length, 0, 'what was answered makes room');
});

test('what is lost on its way makes room, and what came and is lost then does so once', async () => {
  const queue = new WorkQueue();
  const [first, second, ...others] = await taken(queue, 2000);
  assert.ok(first !== undefined && second !== undefined);
  queue.gone(first);
  assert.equal((await taken(queue, 0)).length, 1);
  queue.came(second);
  assert.equal((await taken(queue, 0)).length, 1);
  queue.gone(second);
  assert.equal((await taken(queue, 0)).length, 0);
  for (const work of others) queue.answered(work);
  assert.notEqual((await taken(queue, 0)).length, 0);
});
