import { randomBytes } from 'node:crypto';
import { S3ArchiveStore } from '../../../src/core/storage/s3-archive-store.js';
import { s3SettingsFromEnvironment, type S3Settings } from '../../../src/core/storage/s3-settings.js';

/** The S3 store that `npm test` started, and a bucket name of the test's own. */
export function s3(): {
  settings: S3Settings;
  bucket: string;
  store: (options?: { partBytes?: number; oneRequestBytes?: () => Promise<number> }) => S3ArchiveStore;
} {
  const settings = s3SettingsFromEnvironment(process.env);
  const bucket = `test-${randomBytes(6).toString('hex')}`;
  return {
    settings,
    bucket,
    store: (options = {}) => new S3ArchiveStore({ ...settings, bucket, ...options }),
  };
}
