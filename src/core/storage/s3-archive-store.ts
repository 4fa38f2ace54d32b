import { createHash } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import {
  CreateBucketCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  PutObjectCommand,
  S3ServiceException,
  type S3Client,
  type HeadObjectCommandOutput,
  type PutObjectCommandInput,
} from '@aws-sdk/client-s3';
import {
  ArchiveError,
  DataCorruptionError,
  DestinationFileExistsError,
  NetworkError,
} from '../exceptions.js';
import { classifyDiskError } from '../utilities/disk.js';
import type { ArchiveStore, ReadOptions, StoredObject, TransferOptions } from './archive-store.js';
import { classifyS3Error } from './classify-s3-error.js';
import { MultipartUpload } from './multipart-upload.js';
import { makeS3Client } from './s3-client.js';
import type { S3Settings } from './s3-settings.js';
import { withPayloadDigest } from './payload-digest.js';

const MIB = 1024 * 1024;
const OPERATION = 'long_term_archive_transfer';
/** Some stores copy a large object together from its parts before they answer. */
const COMPLETION_SECONDS = 15 * 60;

/** The sizes that S3 sets: at most 10,000 parts, of at least 5 MiB (Amazon S3 multipart upload limits). */
const MAX_PARTS = 10_000;

/** An archive in an S3 bucket. The contract is that of {@link ArchiveStore}. */
export class S3ArchiveStore implements ArchiveStore {
  readonly #client: S3Client;
  readonly #patientClient: S3Client;
  readonly #bucket: string;
  readonly #partBytes: number;

  /**
   * @param options `partBytes`: size of a part, and largest object that is put in one request; `idleSeconds`: a request of which
   *   no byte moves for this long is given up
   */
  constructor(options: S3Settings & { bucket: string; partBytes?: number; idleSeconds?: number }) {
    this.#bucket = options.bucket;
    this.#partBytes = options.partBytes ?? 16 * MIB;
    this.#client = makeS3Client(options, { idleSeconds: options.idleSeconds ?? 60 });
    this.#patientClient = makeS3Client(options, { idleSeconds: COMPLETION_SECONDS, maxAttempts: 1 });
  }

  async prepare(): Promise<void> {
    const Bucket = this.#bucket;
    await this.#ask(`bucket ${Bucket}`, async () => {
      try {
        await this.#client.send(new HeadBucketCommand({ Bucket }));
      } catch (error) {
        if (!isMissing(error)) throw error;
        await this.#client.send(new CreateBucketCommand({ Bucket })).catch(ignoreOwnBucket);
      }
    });
  }

  async put(
    key: string,
    path: string,
    expected: { bytes: number; sha256: string },
    options: TransferOptions = {},
  ): Promise<StoredObject> {
    const there = await this.#headWithMetadata(key);
    if (there !== undefined) return this.#sameOrThrow(key, there, expected);
    const file = await open(path, 'r').catch((error: unknown) => {
      throw classifyDiskError(error, { operation: OPERATION, subject: path });
    });
    try {
      const { size } = await file.stat();
      if (size !== expected.bytes) throw corrupted(path, `it has ${size} bytes instead of ${expected.bytes}`);
      await this.#ask(key, () => this.#upload(key, path, file, expected, options), options.signal);
    } finally {
      await file.close();
    }
    const stored = await this.#headWithMetadata(key);
    if (stored === undefined)
      throw new NetworkError(`the store took ${key} and does not know it`, {
        operation: OPERATION,
        subject: key,
      });
    return this.#sameOrThrow(key, stored, expected);
  }

  async putJson(key: string, document: unknown): Promise<StoredObject> {
    const body = Buffer.from(`${JSON.stringify(document, null, 2)}\n`, 'utf8');
    await this.#ask(key, () =>
      this.#putBytes({ Key: key, Body: body, ContentType: 'application/json' }, sha256(body)),
    );
    const stored = await this.head(key);
    if (stored === undefined)
      throw new NetworkError(`the store took ${key} and does not know it`, {
        operation: OPERATION,
        subject: key,
      });
    return stored;
  }

  async head(key: string): Promise<StoredObject | undefined> {
    const found = await this.#headWithMetadata(key);
    return found === undefined ? undefined : storedObject(key, found);
  }

  async readBack(key: string, options: ReadOptions = {}): Promise<{ bytes: number; sha256: string }> {
    return this.#ask(
      key,
      async () => {
        const answer = await this.#client.send(new GetObjectCommand({ Bucket: this.#bucket, Key: key }), {
          abortSignal: options.signal,
        });
        const hash = createHash('sha256');
        let bytes = 0;
        for await (const chunk of answer.Body as Readable) {
          options.signal?.throwIfAborted();
          hash.update(chunk as Buffer);
          options.onBytes?.(chunk as Buffer);
          bytes += (chunk as Buffer).length;
          options.onProgress?.(bytes);
        }
        if (answer.ContentLength !== undefined && bytes !== answer.ContentLength) {
          throw new NetworkError(`reading ${key} ended after ${bytes} of ${answer.ContentLength} bytes`, {
            operation: OPERATION,
            subject: key,
          });
        }
        return { bytes, sha256: hash.digest('hex') };
      },
      options.signal,
    );
  }

  async readRange(key: string, offset: number, length: number): Promise<Buffer> {
    if (length === 0) return Buffer.alloc(0);
    return this.#ask(key, async () => {
      const answer = await this.#client.send(
        new GetObjectCommand({
          Bucket: this.#bucket,
          Key: key,
          Range: `bytes=${offset}-${offset + length - 1}`,
        }),
      );
      // A store that knows no ranges would send the whole object.
      if (answer.ContentLength !== length) {
        (answer.Body as Readable).destroy();
        throw new ArchiveError(
          `the store gives ${answer.ContentLength ?? 'unknown'} bytes of ${key} instead of ${length}`,
          {
            operation: OPERATION,
            subject: key,
          },
        );
      }
      return Buffer.from((await answer.Body?.transformToByteArray()) ?? []);
    });
  }

  async #upload(
    key: string,
    path: string,
    file: FileHandle,
    expected: { bytes: number; sha256: string },
    options: TransferOptions,
  ): Promise<void> {
    const Metadata = { sha256: expected.sha256, bytes: String(expected.bytes) };
    if (expected.bytes <= this.#partBytes) {
      const body = await file.readFile().catch((error: unknown) => {
        throw classifyDiskError(error, { operation: OPERATION, subject: path });
      });
      const digest = sha256(body);
      if (digest.toString('hex') !== expected.sha256)
        throw corrupted(path, 'its SHA-256 is not that of the package');
      await this.#putBytes({ Key: key, Body: body, Metadata, IfNoneMatch: '*' }, digest, options.signal);
      options.onProgress?.(expected.bytes);
      return;
    }
    const partBytes = Math.max(this.#partBytes, Math.ceil(expected.bytes / MAX_PARTS / MIB) * MIB);
    const upload = await MultipartUpload.resumeOrCreate(this.#client, {
      Bucket: this.#bucket,
      Key: key,
      Metadata,
    });
    const digest = await upload.sendParts(file, { bytes: expected.bytes, partBytes }, options);
    if (digest !== expected.sha256) {
      await upload.abort();
      throw corrupted(path, 'its SHA-256 is not that of the package');
    }
    try {
      await upload.complete(this.#patientClient, expected.bytes);
    } catch (error) {
      // Another attempt was faster: what this one sent must not lie about in the store.
      if (error instanceof S3ServiceException && error.$metadata.httpStatusCode === 412) await upload.abort();
      throw error;
    }
  }

  #putBytes(input: Omit<PutObjectCommandInput, 'Bucket'>, digest: Buffer, signal?: AbortSignal) {
    const command = new PutObjectCommand({
      ...input,
      Bucket: this.#bucket,
      ChecksumSHA256: digest.toString('base64'),
    });
    return this.#client.send(withPayloadDigest(command, digest), { abortSignal: signal });
  }

  async #headWithMetadata(key: string): Promise<HeadObjectCommandOutput | undefined> {
    return this.#ask(key, async () => {
      try {
        return await this.#client.send(
          new HeadObjectCommand({ Bucket: this.#bucket, Key: key, ChecksumMode: 'ENABLED' }),
        );
      } catch (error) {
        if (isMissing(error)) return undefined;
        throw error;
      }
    });
  }

  #sameOrThrow(
    key: string,
    found: HeadObjectCommandOutput,
    expected: { bytes: number; sha256: string },
  ): StoredObject {
    const digest = storedObject(key, found).sha256 ?? found.Metadata?.['sha256'];
    if (found.ContentLength === expected.bytes && digest === expected.sha256) return storedObject(key, found);
    throw new DestinationFileExistsError(`the archive has another object under ${key}`, {
      operation: OPERATION,
      subject: key,
      context: {
        expectedBytes: expected.bytes,
        foundBytes: found.ContentLength ?? null,
        expected: expected.sha256,
        found: digest ?? null,
      },
      advice:
        'Nothing is overwritten in an archive. Find out what the object is and move it aside in the store, then retry.',
    });
  }

  async #ask<T>(subject: string, act: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    try {
      return await act();
    } catch (error) {
      // However an aborted request ends, the reason is the one that it was aborted for.
      signal?.throwIfAborted();
      throw classifyS3Error(error, { operation: OPERATION, subject });
    }
  }
}

function storedObject(key: string, found: HeadObjectCommandOutput): StoredObject {
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

function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}

function corrupted(path: string, how: string): DataCorruptionError {
  return new DataCorruptionError(`${path} is damaged: ${how}`, {
    operation: OPERATION,
    subject: path,
    advice: 'This copy must not be archived. Have the package sent again from a good copy.',
  });
}

function isMissing(error: unknown): boolean {
  return error instanceof S3ServiceException && error.$metadata.httpStatusCode === 404;
}

/** Another worker made the bucket in the meantime. */
function ignoreOwnBucket(error: unknown): void {
  if (error instanceof S3ServiceException && error.name === 'BucketAlreadyOwnedByYou') return;
  throw error;
}
