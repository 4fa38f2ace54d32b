import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { Together } from '../../../src/core/utilities/together.js';

const MS = 1000;

/** Runs with a clock that the test moves. */
async function withCalls(
  run: (at: {
    call: (key: string, word: string) => Promise<void>;
    together: Together;
    made: string[];
  }) => Promise<void>,
): Promise<void> {
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    const together = new Together(MS);
    const made: string[] = [];
    const call = (key: string, word: string) =>
      together.call(key, () => Promise.resolve(void made.push(word)));
    await run({ call, together, made });
  } finally {
    mock.timers.reset();
  }
}

test('the first call is made at once, those that follow closely as one more', () =>
  withCalls(async ({ call, made }) => {
    await call('a', '1');
    await call('a', '2');
    await call('a', '3');
    assert.deepEqual(made, ['1']);
    mock.timers.tick(MS);
    assert.deepEqual(made, ['1', '3'], 'the last one stands for all');
    await call('a', '4');
    assert.deepEqual(made, ['1', '3'], 'its time has begun anew');
    mock.timers.tick(MS);
    mock.timers.tick(MS);
    assert.deepEqual(made, ['1', '3', '4']);
    await call('a', '5');
    assert.deepEqual(made, ['1', '3', '4', '5']);
  }));

test('calls of different keys have nothing to do with each other', () =>
  withCalls(async ({ call, made }) => {
    await call('a', 'a');
    await call('b', 'b');
    assert.deepEqual(made, ['a', 'b']);
    mock.timers.tick(10 * MS);
    assert.deepEqual(made, ['a', 'b']);
  }));

test('what is kept back is made when nothing more can be waited for', () =>
  withCalls(async ({ call, together, made }) => {
    await call('a', '1');
    await call('a', '2');
    await call('b', '3');
    await together.flush();
    assert.deepEqual(made, ['1', '3', '2']);
    mock.timers.tick(MS);
    assert.deepEqual(made, ['1', '3', '2']);
  }));
