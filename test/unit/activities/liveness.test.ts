import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CancelledFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { whileBytesMove } from '../../../src/activities/liveness.js';
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
