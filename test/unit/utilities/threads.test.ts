import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { ServiceUnavailableError, StorageError } from '../../../src/core/exceptions.js';
import { takeDigest } from '../../../src/core/utilities/digest-session.js';
import { classifyDiskError } from '../../../src/core/utilities/disk.js';
import { sharedBlock } from '../../../src/core/utilities/shared-memory.js';
import { takeThread } from '../../../src/core/utilities/threads.js';
import type { TestSession } from './thread-session.js';

const take = () => takeThread<TestSession>(new URL('./thread-session.js', import.meta.url));

test('calls are answered in their order, and memory is shared, not copied', async () => {
  const { session, release } = await take();
  const block = sharedBlock(1000);
  const answers = await Promise.all([
    session.note('a'),
    session.fill(block.subarray(100, 200), 7),
    session.note('b'),
  ]);
  assert.deepEqual(answers, [['a'], undefined, ['a', 'b']]);
  assert.deepEqual([block[99], block[100], block[199], block[200]], [0, 7, 7, 0]);
  release();
});

test('an error keeps its class, what it says and its cause', async () => {
  const { session, release } = await take();
  await assert.rejects(session.failOfOurs(), (error: unknown) => {
    assert.ok(error instanceof StorageError);
    assert.deepEqual(
      [error.message, error.subject, error.retryAfterSeconds],
      ['the disk is full', 'a disk', 30],
    );
    return (error.cause as NodeJS.ErrnoException).code === 'ENOSPC';
  });
  await assert.rejects(session.failOfSystem(), (error) => classifyDiskError(error) instanceof StorageError);
  assert.deepEqual(await session.note('still there'), ['still there']);
  release();
});

test('who takes a thread finds nothing of the one before, also where that one was still at work', async () => {
  const one = await take();
  await one.session.note('one');
  one.release();
  const two = await take();
  assert.deepEqual(await two.session.note('two'), ['two']);
  const waiting = two.session.wait(60_000);
  two.release();
  await assert.rejects(waiting, ServiceUnavailableError);
  const three = await take();
  assert.deepEqual(await three.session.note('three'), ['three']);
  three.release();
});

test('of the free threads the one is taken that had such a session before', async () => {
  // A session that no other test has.
  const takeRare = () => takeThread<TestSession>(new URL('./thread-session.js?rare', import.meta.url));
  const [one, other] = [await takeRare(), await take()];
  const before = await one.session.thread();
  one.release();
  other.release();
  await setTimeout(200); // until both are free
  const two = await takeRare();
  assert.equal(await two.session.thread(), before);
  two.release();
});

test('a session that was released answers nobody, and its thread goes to one only', async () => {
  const one = await take();
  one.release();
  one.release();
  const [two, three] = [await take(), await take()];
  await assert.rejects(one.session.note('one'), /was released/);
  assert.deepEqual(await two.session.note('two'), ['two']);
  assert.deepEqual(await three.session.note('three'), ['three']);
  two.release();
  three.release();
});

test('a thread that ends fails its calls for now, and the process goes on', async () => {
  const { session, release } = await take();
  await assert.rejects(session.end(), ServiceUnavailableError);
  await assert.rejects(session.note('later'), ServiceUnavailableError);
  release();
  const next = await take();
  assert.deepEqual(await next.session.note('next'), ['next']);
  next.release();
});

test('a digest goes back to its mark', async () => {
  const [a, b, c] = [randomBytes(1000), randomBytes(3000), randomBytes(20)];
  const { session, release } = await takeDigest();
  await session.update(a);
  await session.update(b.subarray(0, 1000));
  await session.mark();
  await session.update(b.subarray(1000));
  await session.update(c);
  await session.back();
  await session.update(c);
  const whole = Buffer.concat([a, b.subarray(0, 1000), c]);
  assert.equal(await session.digest(), createHash('sha256').update(whole).digest('hex'));
  release();
});
