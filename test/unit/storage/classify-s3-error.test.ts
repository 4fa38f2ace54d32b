import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as errors from '../../../src/core/exceptions.js';
import { classifyS3Error } from '../../../src/core/storage/classify-s3-error.js';

/** An error as the client makes it of a store's answer; its class says nothing, for many answers have none of their own. */
function answer(name: string, status: number): Error {
  return Object.assign(new Error('the store says no'), { name, $metadata: { httpStatusCode: status } });
}

const ANSWERS: [string, number, typeof errors.CCATDataOperationError][] = [
  ['AccessDenied', 403, errors.ConfigurationError],
  ['InvalidAccessKeyId', 403, errors.ConfigurationError],
  ['SignatureDoesNotMatch', 403, errors.ConfigurationError],
  ['Unknown', 403, errors.ConfigurationError],
  ['NoSuchBucket', 404, errors.ConfigurationError],
  ['NotImplemented', 501, errors.ConfigurationError],
  ['NoSuchKey', 404, errors.PermanentError],
  ['NotFound', 404, errors.PermanentError],
  ['NoSuchUpload', 404, errors.ArchiveError],
  ['PreconditionFailed', 412, errors.ArchiveError],
  ['SlowDown', 503, errors.ServiceUnavailableError],
  ['TooManyRequests', 429, errors.ServiceUnavailableError],
  ['InternalError', 500, errors.ServiceUnavailableError],
  ['BadDigest', 400, errors.ChecksumVerificationError],
  ['XAmzContentChecksumMismatch', 400, errors.ChecksumVerificationError],
  ['IncompleteBody', 400, errors.ChecksumVerificationError],
];

for (const [name, status, Class] of ANSWERS) {
  test(`a store that answers ${name} (${status}) has failed with a ${Class.name}`, () => {
    const cause = answer(name, status);
    const error = classifyS3Error(cause, { operation: 'long_term_archive_transfer', subject: 'a.tar' });
    assert.ok(error instanceof Class);
    assert.equal(error.name, Class.name);
    assert.equal(error.subject, 'a.tar');
    assert.equal(error.cause, cause);
    assert.deepEqual(error.context, { code: name, status });
  });
}

test('a store that is too busy is left alone for half a minute', () => {
  for (const [name, status, seconds] of [
    ['SlowDown', 503, 30],
    ['TooManyRequests', 429, 30],
    ['InternalError', 500, undefined],
  ] as const) {
    const error = classifyS3Error(answer(name, status)) as errors.ServiceUnavailableError;
    assert.equal(error.retryAfterSeconds, seconds);
  }
});

test('refused keys come with the variables to look at', () => {
  const error = classifyS3Error(answer('SignatureDoesNotMatch', 403)) as errors.ConfigurationError;
  assert.match(
    error.advice ?? '',
    /CCAT_DATA_TRANSFER_S3_ACCESS_KEY_ID and CCAT_DATA_TRANSFER_S3_SECRET_ACCESS_KEY/,
  );
});

test('a connection that fails, breaks or falls silent is a network error', () => {
  const refused = Object.assign(new AggregateError([new Error('connect ECONNREFUSED')], ''), {
    code: 'ECONNREFUSED',
  });
  const broken = Object.assign(new Error('aborted'), { code: 'ECONNRESET', $metadata: { attempts: 2 } });
  const silent = Object.assign(new Error('the request socket timed out'), { name: 'TimeoutError' });
  for (const thrown of [refused, broken, silent]) {
    assert.equal((classifyS3Error(thrown) as Error).name, 'NetworkError');
  }
});

test('an error of ours, an abort and a defect keep their class', () => {
  const abort = Object.assign(new Error('Request aborted'), { name: 'AbortError' });
  for (const error of [new errors.DataCorruptionError('no'), abort, new TypeError('a defect')]) {
    assert.equal(classifyS3Error(error), error);
  }
});
