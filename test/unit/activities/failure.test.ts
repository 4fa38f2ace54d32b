import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApplicationFailure } from '@temporalio/common';
import { toActivityFailure } from '../../../src/activities/failure.js';
import * as exceptions from '../../../src/core/exceptions.js';

type ErrorClass = typeof exceptions.CCATDataOperationError;

const classes = Object.values(exceptions) as ErrorClass[];

test('every class of the hierarchy becomes a failure whose type is its name', () => {
  assert.equal(classes.length, 25);
  for (const Class of classes) {
    const failure = toActivityFailure(new Class('it broke', { subject: 'a file', advice: 'mend it' }), 1);
    assert.equal(failure.type, Class.name);
    assert.equal(failure.nonRetryable, !Class.retryable, Class.name);
    assert.deepEqual(failure.details, [{ subject: 'a file', advice: 'mend it' }]);
  }
});

test('a class that makes sense to try only so often ends for good after that', () => {
  const error = new exceptions.ChecksumVerificationError('digest differs');
  assert.deepEqual(
    [1, 2, 3, 4].map((attempt) => toActivityFailure(error, attempt).nonRetryable),
    [false, false, false, true],
  );
  assert.equal(
    toActivityFailure(new exceptions.NetworkError('gone'), 10_000).nonRetryable,
    false,
    'a restart of a worker spends attempts',
  );
});

test('an error that knows when to come back says so', () => {
  const failure = toActivityFailure(
    new exceptions.ServiceUnavailableError('slow down', { retryAfterSeconds: 30 }),
    1,
  );
  assert.equal(failure.nextRetryDelay, '30 seconds');
});

test('an error without a class is tried a few times and then waits for a person', () => {
  const failure = (attempt: number) =>
    toActivityFailure(new TypeError('undefined is not a function'), attempt);
  assert.equal(failure(1).nonRetryable, false);
  assert.equal(failure(5).nonRetryable, true);
  assert.match(failure(1).message, /TypeError: undefined is not a function/);
});

test('a failure that is one already passes as it is', () => {
  const failure = ApplicationFailure.nonRetryable('done', 'Mine');
  assert.equal(toActivityFailure(failure, 1), failure);
});
