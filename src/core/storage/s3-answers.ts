import { S3ServiceException, type HeadObjectCommandOutput } from '@aws-sdk/client-s3';
import { DataCorruptionError } from '../exceptions.js';
import type { StoredObject } from './archive-store.js';

/** What the answers of an S3 store mean. */

/** Says no to how it was asked, whatever was asked for. */
export function isRefusal(error: S3ServiceException): boolean {
  const { httpStatusCode } = error.$metadata;
  return httpStatusCode === 501 || error.name === 'NotImplemented' || error.name === 'InvalidRequest';
}

/** Says no to what it was sent: among others because its checksum is another one, which stores name in different ways. */
export function mayBeDamage(error: unknown): boolean {
  return error instanceof S3ServiceException && error.$metadata.httpStatusCode === 400;
}

/** An upload that nobody may go on with: its bytes are wrong, or another attempt was faster. */
export function isOver(error: unknown): boolean {
  return (
    error instanceof DataCorruptionError ||
    (error instanceof S3ServiceException && error.$metadata.httpStatusCode === 412)
  );
}

export function storedObject(key: string, found: HeadObjectCommandOutput): StoredObject {
  // A checksum that ends in "-<parts>" is one of checksums, not of the object.
  const whole =
    found.ChecksumSHA256 === undefined || found.ChecksumSHA256.includes('-')
      ? undefined
      : found.ChecksumSHA256;
  return {
    key,
    bytes: found.ContentLength ?? 0,
    sha256: whole === undefined ? undefined : Buffer.from(whole, 'base64').toString('hex'),
    versionId: found.VersionId,
    etag: found.ETag,
    lastModified: found.LastModified?.toISOString(),
  };
}

export function isMissing(error: unknown): boolean {
  return error instanceof S3ServiceException && error.$metadata.httpStatusCode === 404;
}

/** Another worker made the bucket in the meantime. */
export function ignoreOwnBucket(error: unknown): void {
  if (error instanceof S3ServiceException && error.name === 'BucketAlreadyOwnedByYou') return;
  throw error;
}
