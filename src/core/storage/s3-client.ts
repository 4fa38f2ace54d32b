import { S3Client } from '@aws-sdk/client-s3';
import type { S3Settings } from './s3-settings.js';

/** A request that has no connection after this long is given up. */
export const CONNECT_MS = 5_000;
/** Connections that nobody uses any more end by themselves after this long, so that a client needs no closing. */
const UNUSED_MS = 10_000;
/** A body of this size is sent only when the store has said that it wants it: that costs a connection and a round trip of its own. */
const ASKED_FIRST_BYTES = 64 * 1024 * 1024;

/**
 * A client of an S3 store.
 *
 * @param limits `idleSeconds`: a request of which no byte moves for this long is given up; `maxAttempts`: tries of one request. The
 *   default of two bridges a moment; everything longer is the workflow's; `sdkDefaults`: send and expect the checksums that the SDK
 *   adds by itself, which some stores refuse; only to find out whether this one does
 */
export function makeS3Client(
  settings: S3Settings,
  limits: { idleSeconds: number; maxAttempts?: number; sdkDefaults?: boolean },
): S3Client {
  const checksums = limits.sdkDefaults === true ? 'WHEN_SUPPORTED' : 'WHEN_REQUIRED';
  return new S3Client({
    ...(settings.endpoint === undefined ? {} : { endpoint: settings.endpoint }),
    region: settings.region,
    forcePathStyle: true,
    credentials: { accessKeyId: settings.accessKeyId, secretAccessKey: settings.secretAccessKey.reveal() },
    maxAttempts: limits.maxAttempts ?? 2,
    expectContinueHeader: ASKED_FIRST_BYTES,
    requestHandler: {
      connectionTimeout: CONNECT_MS,
      socketTimeout: limits.idleSeconds * 1000,
      httpAgent: { keepAlive: true, timeout: UNUSED_MS },
      httpsAgent: { keepAlive: true, timeout: UNUSED_MS },
    },
    // Every request that matters carries a checksum of ours; a default checksum on top makes some stores refuse.
    requestChecksumCalculation: checksums,
    responseChecksumValidation: checksums,
  });
}
