import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import * as exceptions from '../../src/core/exceptions.js';

type ErrorClass = typeof exceptions.CCATDataOperationError;

/** What the design says of each class: what it is, whether trying again can help and how often. */
const DISPOSITIONS: Record<
  string,
  { parent: string; retryable: boolean; maxRetries?: number; expected?: boolean }
> = {
  CCATDataOperationError: { parent: 'Error', retryable: false },
  RetryableError: { parent: 'CCATDataOperationError', retryable: true },
  NetworkError: { parent: 'RetryableError', retryable: true },
  StorageError: { parent: 'RetryableError', retryable: true },
  ServiceUnavailableError: { parent: 'RetryableError', retryable: true },
  DatabaseError: { parent: 'RetryableError', retryable: true },
  DatabaseOperationError: { parent: 'DatabaseError', retryable: true },
  DataTransferError: { parent: 'RetryableError', retryable: true },
  BBCPError: { parent: 'DataTransferError', retryable: true },
  SegmentationFaultError: { parent: 'BBCPError', retryable: true },
  DestinationFileExistsError: { parent: 'DataTransferError', retryable: true, maxRetries: 3 },
  ChecksumVerificationError: { parent: 'RetryableError', retryable: true, maxRetries: 3 },
  PackageError: { parent: 'CCATDataOperationError', retryable: false },
  ArchiveCreationError: { parent: 'PackageError', retryable: true },
  UnpackError: { parent: 'PackageError', retryable: true },
  ArchiveError: { parent: 'CCATDataOperationError', retryable: true },
  DeletionError: { parent: 'CCATDataOperationError', retryable: false },
  NonRetryableError: { parent: 'CCATDataOperationError', retryable: false },
  PermanentError: { parent: 'NonRetryableError', retryable: false },
  ConfigurationError: { parent: 'NonRetryableError', retryable: false },
  DataCorruptionError: { parent: 'NonRetryableError', retryable: false },
  ArchiveCorruptionError: { parent: 'DataCorruptionError', retryable: false },
  ScheduleError: { parent: 'CCATDataOperationError', retryable: false, expected: true },
  NoSecondaryRoutesError: { parent: 'CCATDataOperationError', retryable: false, expected: true },
  ServiceExit: { parent: 'CCATDataOperationError', retryable: true, expected: true },
};

test('the hierarchy has the 25 classes of the design and no other', () => {
  assert.deepEqual(Object.keys(exceptions).sort(), Object.keys(DISPOSITIONS).sort());
  assert.equal(Object.keys(exceptions).length, 25);
});

for (const [name, { parent, retryable, maxRetries = Infinity, expected = false }] of Object.entries(
  DISPOSITIONS,
)) {
  test(`${name} is a ${parent}, ${retryable ? 'retried' : 'not retried'}, and says so`, () => {
    const Class = (exceptions as unknown as Record<string, ErrorClass>)[name]!;
    const error = new Class('what happened');
    assert.equal((Object.getPrototypeOf(Class) as ErrorClass).name, parent);
    assert.ok(error instanceof exceptions.CCATDataOperationError);
    assert.deepEqual(
      {
        name: error.name,
        retryable: error.retryable,
        maxRetries: error.maxRetries,
        expected: error.expected,
      },
      { name, retryable, maxRetries, expected },
    );
  });
}

test('an error carries what it knows', () => {
  const cause = new Error('below');
  const details = {
    operation: 'data_transfer',
    subject: 'a.tar',
    advice: 'Look at the disk.',
    context: { free: 3 },
    retryAfterSeconds: 30,
    cause,
  };
  const error = new exceptions.StorageError('the disk is full', details);
  assert.equal(error.message, 'the disk is full');
  const { operation, subject, advice, context, retryAfterSeconds } = error;
  assert.deepEqual({ operation, subject, advice, context, retryAfterSeconds, cause: error.cause }, details);
});

test('an error that knows nothing more has an empty context and no cause', () => {
  const error = new exceptions.PermanentError('no');
  assert.deepEqual(error.context, {});
  assert.equal(error.advice, undefined);
  assert.ok(!('cause' in error));
});

test('the page of errors lists every class with its disposition', () => {
  const page = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8');
  const shown = page
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) =>
      line
        .split('|')
        .map((cell) => cell.trim())
        .slice(1, 5),
    );
  const expected = Object.entries(DISPOSITIONS).map(
    ([name, { parent, retryable, maxRetries, expected: outcome }]) => [
      `\`${name}\``,
      parent === 'Error' ? '' : parent,
      !retryable ? 'no' : maxRetries === undefined ? 'yes' : `${maxRetries} times`,
      outcome === true ? 'yes' : 'no',
    ],
  );
  assert.deepEqual(shown.sort(), expected.sort());
});
