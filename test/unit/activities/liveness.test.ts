import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'node:test';
import { CancelledFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { whileBundleMoves, whileBytesMove } from '../../../src/activities/liveness.js';
import type { Dependencies } from '../../../src/activities/dependencies.js';
import { ServiceUnavailableError } from '../../../src/core/exceptions.js';

const about = { operation: 'data_transfer', subject: 'a package', bytesTotal: 100 } as const;

function dependencies(stallSeconds: number) {
  return {
    settings: { get: () => Promise.resolve(stallSeconds) } as Dependencies['settings'],
    reportProgress: () => undefined,
  };
}

/** Work that only ends by its signal, and moves a byte every `everyMs`. */
function endless(everyMs: number) {
  return ({ signal, onProgress }: { signal: AbortSignal; onProgress: (bytes: number) => void }) =>
    new Promise<never>((_, reject) => {
      let bytes = 0;
      const timer = setInterval(() => onProgress(++bytes), everyMs);
      signal.addEventListener('abort', () => {
        clearInterval(timer);
        reject(new Error('aborted'));
      });
    });
}

test('work of which no byte moves is given up', async () => {
  const environment = new MockActivityEnvironment();
  const work = environment.run(() => whileBytesMove(dependencies(0.5), about, endless(1_000_000)));
  await assert.rejects(work, ServiceUnavailableError);
});

test('slow work goes on as long as bytes move, and heartbeats say how far it is', async () => {
  const environment = new MockActivityEnvironment();
  const beats: { bytesDone: number }[] = [];
  environment.on('heartbeat', (details: { bytesDone: number }) => {
    beats.push(details);
    if (beats.length === 3) environment.cancel('CANCELLED');
  });
  await assert.rejects(
    environment.run(() => whileBytesMove(dependencies(1.5), about, endless(100))),
    CancelledFailure,
  );
  assert.ok(beats[2] !== undefined && beats[0] !== undefined && beats[2].bytesDone > beats[0].bytesDone);
});

test('a cancellation comes out as itself, not as the error that the aborted work throws', async () => {
  const environment = new MockActivityEnvironment();
  const work = environment.run(() => whileBytesMove(dependencies(100), about, endless(50)));
  environment.cancel('WORKER_SHUTDOWN');
  await assert.rejects(
    work,
    (error: Error) => error instanceof CancelledFailure && error.message === 'WORKER_SHUTDOWN',
  );
});

test('several things are alive while any of them moves, and held back together they are no silence', async () => {
  const environment = new MockActivityEnvironment();
  const beats: number[] = [];
  environment.on('heartbeat', ({ bytesDone }: { bytesDone: number }) => beats.push(bytesDone));
  const bundle = { ...about, subject: '2 packages', bytesTotal: 200 };
  await environment.run(() =>
    whileBundleMoves(dependencies(1), bundle, async ({ begin, heldBack, signal }) => {
      const [first, second] = [
        begin({ subject: 'a', bytesTotal: 100 }),
        begin({ subject: 'b', bytesTotal: 100 }),
      ];
      first.onProgress(10);
      for (let bytes = 1; bytes <= 15; bytes += 1) {
        second.onProgress(bytes);
        await sleep(100, undefined, { signal });
      }
      first.end('done');
      for (const one of [1, 2, 3]) heldBack(1500 + one);
      await sleep(2200, undefined, { signal });
    }),
  );
  assert.ok(beats.at(-1) === 115, `the bytes of both: ${beats.join(', ')}`);
  const work = environment.run(() =>
    whileBundleMoves(dependencies(0.5), bundle, async ({ begin, signal }) => {
      begin({ subject: 'a', bytesTotal: 100 }).onProgress(10);
      await sleep(60_000, undefined, { signal });
    }),
  );
  await assert.rejects(work, /no byte of 2 packages moved/);
});
