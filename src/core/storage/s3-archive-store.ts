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
import { ArchiveError, ConfigurationError, DestinationFileExistsError, NetworkError } from '../exceptions.js';
import { SETTINGS } from '../settings-registry.js';
import type {
  ArchiveStore,
  ByteSource,
  ReadBack,
  ReadOptions,
  StoredObject,
  PutOptions,
  TransferOptions,
} from './archive-store.js';
import { MAX_JSON_BYTES, otherDigest, otherSize, parsedOrUndefined } from './archived-bytes.js';
import { digestOfSource, fileSource } from './byte-source.js';
import { classifyS3Error } from './classify-s3-error.js';
import { guardBySha256, guardOf, withSigned } from './body-guard.js';
import { sha256 } from './checksums.js';
import { MultipartUpload } from './multipart-upload.js';
import { objectStream } from './object-stream.js';
import { readObject } from './read-object.js';
import { ignoreOwnBucket, isMissing, isOver, isRefusal, mayBeDamage, storedObject } from './s3-answers.js';
import { CONNECT_MS, makeS3Client } from './s3-client.js';
import { listBucket } from './s3-listing.js';
import type { S3Settings } from './s3-settings.js';
import { anySignal } from '../utilities/any-signal.js';
import { giveBlock, takeBlock } from '../utilities/shared-blocks.js';
import { FULL_MODE, type StoreMode } from './store-capabilities.js';

const MIB = 1024 * 1024;
/** Largest object that is sent from memory, in bytes. */
const IN_MEMORY_BYTES = MIB;
const OPERATION = 'long_term_archive_transfer';
/** Some stores copy a large object together from its parts before they answer. */
const COMPLETION_SECONDS = 15 * 60;

/** The sizes that S3 sets: at most 10,000 parts, of at least 5 MiB (Amazon S3 multipart upload limits). */
const MAX_PARTS = 10_000;

/** Who knows what a store can do, and hears of it when the store refuses that. */
export interface StoreAbilities {
  mode(): Promise<StoreMode>;
  /** Whether it is worth asking anew what the store can do: false where that was just done. */
  contradicted(by: Error): Promise<boolean>;
}

/** An object that is to be stored. */
interface Upload {
  key: string;
  source: ByteSource;
  expected: { bytes: number; sha256: string };
  options: PutOptions;
}

/** An archive in an S3 bucket. The contract is that of {@link ArchiveStore}. */
export class S3ArchiveStore implements ArchiveStore {
  readonly #client: S3Client;
  readonly #patientClient: S3Client;
  readonly #bucket: string;
  readonly #idleMs: number;
  readonly #partBytes: number;
  /** Largest object that is put in one request. */
  readonly #oneRequestBytes: () => Promise<number>;
  readonly #abilities: StoreAbilities | undefined;

  /**
   * @param options `partBytes`: size of a part; `oneRequestBytes`: largest object that is put in one request at the first attempt; `idleSeconds`: a request of which
   *   no byte moves for this long is given up; `abilities`: what the store can do, all that Amazon S3 can where they are not told
   */
  constructor(
    options: S3Settings & {
      bucket: string;
      partBytes?: number;
      oneRequestBytes?: () => Promise<number>;
      idleSeconds?: number;
      abilities?: StoreAbilities;
    },
  ) {
    this.#bucket = options.bucket;
    this.#abilities = options.abilities;
    this.#partBytes = options.partBytes ?? 8 * MIB;
    this.#oneRequestBytes =
      options.oneRequestBytes ?? (() => Promise.resolve(SETTINGS['archive.one_request_bytes'].default));
    const idleSeconds = options.idleSeconds ?? 60;
    this.#idleMs = idleSeconds * 1000;
    this.#client = makeS3Client(options, { idleSeconds });
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

  async requireStore(): Promise<void> {
    const Bucket = this.#bucket;
    await this.#ask(`bucket ${Bucket}`, async () => {
      try {
        await this.#client.send(new HeadBucketCommand({ Bucket }));
      } catch (error) {
        if (!isMissing(error)) throw error;
        throw new ConfigurationError(`there is no bucket ${Bucket}`, {
          operation: OPERATION,
          subject: Bucket,
          advice:
            'Its objects are not counted as lost. Correct the bucket or the endpoint in the topology, or bring it back.',
        });
      }
    });
  }

  async put(
    key: string,
    from: string | ByteSource,
    expected: { bytes: number; sha256: string },
    options: PutOptions = {},
  ): Promise<StoredObject> {
    const there = await this.#headWithMetadata(key);
    if (there !== undefined) return this.#sameOrThrow(key, there, expected);
    const source = typeof from === 'string' ? await fileSource(from) : from;
    try {
      const size = await source.size();
      if (size !== expected.bytes) throw otherSize(source.name, size, expected.bytes);
      // What another store gives comes in answers: of whole parts, and several on their way.
      const inParts = options.inParts === true || typeof from !== 'string';
      await this.#ask(
        key,
        () => this.#upload({ key, source, expected, options: { ...options, inParts } }),
        options.signal,
      );
    } finally {
      if (typeof from === 'string') await source.close();
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

  async getJson(key: string): Promise<unknown> {
    const found = await this.head(key);
    if (found === undefined || found.bytes > MAX_JSON_BYTES) return undefined;
    return await this.#ask(key, async () => {
      const answer = await this.#client.send(new GetObjectCommand({ Bucket: this.#bucket, Key: key }));
      return parsedOrUndefined(await answer.Body?.transformToString());
    });
  }

  async head(key: string): Promise<StoredObject | undefined> {
    const found = await this.#headWithMetadata(key);
    return found === undefined ? undefined : storedObject(key, found);
  }

  async readBack(key: string, options: ReadOptions = {}): Promise<ReadBack> {
    const object = { Bucket: this.#bucket, Key: key };
    const limits = { connectMs: CONNECT_MS, idleMs: this.#idleMs };
    return this.#ask(key, () => readObject(this.#client, object, limits, options), options.signal);
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

  async *list({ signal }: Pick<TransferOptions, 'signal'> = {}): AsyncGenerator<StoredObject[]> {
    const pages = listBucket(this.#client, this.#bucket, signal);
    for (;;) {
      const page = await this.#ask(`bucket ${this.#bucket}`, () => pages.next(), signal);
      if (page.done === true) return;
      yield page.value;
    }
  }

  async #upload(upload: Upload): Promise<void> {
    const { expected, options } = upload;
    const mode = await this.#mode();
    if (expected.bytes <= IN_MEMORY_BYTES) {
      await this.#putFromMemory(upload, mode);
    } else if (
      mode.checksum === 'SHA256' &&
      options.inParts !== true &&
      expected.bytes <= (await this.#oneRequestBytes())
    ) {
      await this.#putStreamed(upload, mode);
    } else {
      await this.#putInParts(upload, mode);
    }
  }

  async #putFromMemory(upload: Upload, { conditionalPut }: StoreMode): Promise<void> {
    const { source, expected, options } = upload;
    const block = takeBlock(IN_MEMORY_BYTES);
    const body = block.subarray(0, expected.bytes);
    await source.read(0, body);
    const digest = sha256(body);
    if (digest.toString('hex') !== expected.sha256) throw otherDigest(source.name);
    const IfNoneMatch = conditionalPut ? '*' : undefined;
    await this.#putBytes({ ...this.#target(upload), Body: body, IfNoneMatch }, digest, options.signal);
    giveBlock(block);
    options.onProgress?.(expected.bytes);
  }

  /** One request; the store checks the SHA-256 of the whole, which is known before, and takes nothing else. */
  async #putStreamed(upload: Upload, { conditionalPut, takesUnsigned }: StoreMode): Promise<void> {
    const { source, expected, options } = upload;
    const { parameters, signed } = guardBySha256(Buffer.from(expected.sha256, 'hex'), takesUnsigned);
    const stream = objectStream(source, expected.bytes, options.onProgress);
    const failure = new AbortController();
    // A pipe does not pass it on: the request would wait for bytes that never come.
    stream.body.once('error', (error) => failure.abort(error));
    const command = new PutObjectCommand({
      ...this.#target(upload),
      ...parameters,
      Body: stream.body,
      ContentLength: expected.bytes,
      IfNoneMatch: conditionalPut ? '*' : undefined,
    });
    try {
      await this.#client.send(withSigned(command, signed), {
        abortSignal: anySignal(failure.signal, options.signal),
      });
      stream.giveBack();
    } catch (error) {
      stream.body.destroy();
      failure.signal.throwIfAborted();
      options.signal?.throwIfAborted();
      // What it refuses as damaged may have been so here, or only on the way.
      if (mayBeDamage(error) && (await digestOfSource(source, expected.bytes)) !== expected.sha256)
        throw otherDigest(source.name);
      throw error;
    }
  }

  async #putInParts(upload: Upload, mode: StoreMode): Promise<void> {
    const { source, expected, options } = upload;
    const partBytes = Math.max(this.#partBytes, Math.ceil(expected.bytes / MAX_PARTS / MIB) * MIB);
    const parts = await MultipartUpload.resumeOrCreate(this.#client, this.#target(upload), mode);
    try {
      const digest = await parts.sendParts(source, { bytes: expected.bytes, partBytes }, options);
      if (digest !== expected.sha256) throw otherDigest(source.name);
      await parts.complete(this.#patientClient, expected.bytes);
    } catch (error) {
      // Nobody goes on with it; why it failed is what is told, whatever becomes of its end.
      if (isOver(error) || !mode.resumes) await parts.giveUp();
      throw error;
    }
  }

  #target({ key, expected }: Upload) {
    const Metadata = { sha256: expected.sha256, bytes: String(expected.bytes) };
    return { Bucket: this.#bucket, Key: key, Metadata };
  }

  async #putBytes(
    input: Omit<PutObjectCommandInput, 'Bucket'> & { Body: Buffer },
    digest: Buffer,
    signal?: AbortSignal,
  ) {
    const { checksum, takesUnsigned } = await this.#mode();
    const { parameters, signed } = guardOf({ checksum, takesUnsigned }, input.Body, digest);
    const command = new PutObjectCommand({ ...input, Bucket: this.#bucket, ...parameters });
    return await this.#client.send(withSigned(command, signed), { abortSignal: signal });
  }

  async #mode(): Promise<StoreMode> {
    return (await this.#abilities?.mode()) ?? FULL_MODE;
  }

  async #headWithMetadata(key: string): Promise<HeadObjectCommandOutput | undefined> {
    return this.#ask(key, async () => {
      const ChecksumMode = (await this.#mode()).tellsChecksums ? 'ENABLED' : undefined;
      try {
        return await this.#client.send(
          new HeadObjectCommand({ Bucket: this.#bucket, Key: key, ChecksumMode }),
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
      if (
        error instanceof S3ServiceException &&
        isRefusal(error) &&
        (await this.#abilities?.contradicted(error))
      )
        throw new ArchiveError(`the store refuses what it was found to do: ${error.name}: ${error.message}`, {
          operation: OPERATION,
          subject,
          cause: error,
          advice: 'It is asked anew what it can do, and the work goes on by itself.',
        });
      throw classifyS3Error(error, { operation: OPERATION, subject });
    }
  }
}
