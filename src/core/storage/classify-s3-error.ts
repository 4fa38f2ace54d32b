import {
  ArchiveError,
  CCATDataOperationError,
  ChecksumVerificationError,
  ConfigurationError,
  NetworkError,
  PermanentError,
  ServiceUnavailableError,
  type ErrorDetails,
} from '../exceptions.js';

const REFUSED = new Set([
  'AccessDenied',
  'InvalidAccessKeyId',
  'SignatureDoesNotMatch',
  'InvalidToken',
  'ExpiredToken',
  'AllAccessDisabled',
]);
const BUSY = new Set([
  'SlowDown',
  'ServiceUnavailable',
  'RequestTimeout',
  'TooManyRequests',
  'Throttling',
  'ThrottlingException',
  'InternalError',
]);
const BAD_BYTES = new Set([
  'BadDigest',
  'XAmzContentChecksumMismatch',
  'XAmzContentSHA256Mismatch',
  'IncompleteBody',
  'InvalidDigest',
]);
const BUSY_DELAY = 30;

/** What an S3 client throws, as far as it can be told from other errors. */
interface Thrown extends Error {
  Code?: string;
  code?: string;
  $metadata?: { httpStatusCode?: number };
}

/**
 * The class of an error of an S3 client, by what it says: the class names of the client differ between stores and operations.
 * An error that has a class already is passed through, as is an abort.
 */
export function classifyS3Error(
  error: unknown,
  details: Pick<ErrorDetails, 'operation' | 'subject'> = {},
): unknown {
  if (error instanceof CCATDataOperationError || !(error instanceof Error) || error.name === 'AbortError')
    return error;
  const thrown = error as Thrown;
  const status = thrown.$metadata?.httpStatusCode;
  const name = thrown.Code ?? thrown.name;
  // An answer to HEAD has no body, and so no words of its own.
  const message =
    name === 'Unknown' || name === 'UnknownError'
      ? `HTTP ${status ?? 'error'}`
      : `${name}: ${thrown.message}`;
  const facts: ErrorDetails = {
    ...details,
    cause: error,
    context: { code: name, ...(status === undefined ? {} : { status }) },
  };

  // An error that came neither from the store nor from the way to it is not ours to name. A time-out has a name alone.
  const fromOutside =
    thrown.$metadata !== undefined || thrown.code !== undefined || thrown.name === 'TimeoutError';
  if (!fromOutside) return error;
  if (status === undefined)
    return new NetworkError(`the S3 store can't be reached: ${describeConnection(thrown)}`, facts);
  if (REFUSED.has(name) || status === 401 || status === 403) {
    return new ConfigurationError(`the S3 store refused our keys: ${message}`, {
      ...facts,
      advice:
        'Check CCAT_DATA_TRANSFER_S3_ACCESS_KEY_ID and CCAT_DATA_TRANSFER_S3_SECRET_ACCESS_KEY, and what this key may do; then restart the workers and retry.',
    });
  }
  if (name === 'NoSuchBucket')
    return new ConfigurationError(message, {
      ...facts,
      advice: 'Create the bucket or correct its name in the topology.',
    });
  if (BAD_BYTES.has(name))
    return new ChecksumVerificationError(
      `the S3 store received other bytes than were sent: ${message}`,
      facts,
    );
  if (name === 'NotImplemented' || status === 501) {
    return new ConfigurationError(`the S3 store can't do what an archive needs: ${message}`, {
      ...facts,
      advice:
        'It must check SHA-256 checksums, take uploads in parts and refuse to overwrite (If-None-Match). Use another store or a newer version.',
    });
  }
  if (BUSY.has(name) || status === 429 || status >= 500)
    return new ServiceUnavailableError(message, {
      ...facts,
      retryAfterSeconds: status === 503 || status === 429 ? BUSY_DELAY : undefined,
    });
  // The upload was completed or given up by another attempt: the next one asks how things stand.
  if (name === 'NoSuchUpload') return new ArchiveError(message, facts);
  if (status === 404)
    return new PermanentError(message, { ...facts, advice: 'The object is not in the store.' });
  if (status === 409 || status === 412) return new ArchiveError(message, facts);
  return new PermanentError(message, facts);
}

/** An error of a connection often has its reason in a code or in a cause. */
function describeConnection(error: Thrown): string {
  const inner = error.cause instanceof Error ? (error.cause as Thrown) : undefined;
  return [error.code, error.message, inner?.message]
    .filter((part) => part !== undefined && part !== '')
    .join(', ');
}
