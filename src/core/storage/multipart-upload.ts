import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  UploadPartCommand,
  type CompletedPart,
  type ListMultipartUploadsCommandOutput,
  type ListPartsCommandOutput,
  type Part,
  type S3Client,
} from '@aws-sdk/client-s3';
import { ArchiveError, DataCorruptionError } from '../exceptions.js';
import { classifyDiskError } from '../utilities/disk.js';
import type { TransferOptions } from './archive-store.js';
import { withPayloadDigest } from './payload-digest.js';

const IN_FLIGHT = 3;

interface Target {
  Bucket: string;
  Key: string;
  Metadata: Record<string, string>;
}

/**
 * An upload in parts that survives its process: the store is asked which parts it has, and only what is missing, or differs from
 * the file, is sent. Each part carries a SHA-256 that the server checks.
 */
export class MultipartUpload {
  readonly #completed: CompletedPart[] = [];

  private constructor(
    private readonly client: S3Client,
    private readonly target: Omit<Target, 'Metadata'> & { UploadId: string },
    private readonly there: Map<number, Part>,
  ) {}

  /** Takes up the newest unfinished upload of this key, or begins one. */
  static async resumeOrCreate(client: S3Client, { Bucket, Key, Metadata }: Target): Promise<MultipartUpload> {
    const unfinished = await newestUpload(client, { Bucket, Key });
    if (unfinished !== undefined) {
      const target = { Bucket, Key, UploadId: unfinished };
      return new MultipartUpload(client, target, await partsOf(client, target));
    }
    const created = await client.send(
      new CreateMultipartUploadCommand({ Bucket, Key, Metadata, ChecksumAlgorithm: 'SHA256' }),
    );
    if (created.UploadId === undefined)
      throw new ArchiveError(`the store began no upload of ${Key}`, { subject: Key });
    return new MultipartUpload(client, { Bucket, Key, UploadId: created.UploadId }, new Map());
  }

  /**
   * Reads the whole file once and sends the parts that the store lacks, a few at a time.
   *
   * @returns hex SHA-256 of what was read
   */
  async sendParts(
    file: FileHandle,
    size: { bytes: number; partBytes: number },
    options: TransferOptions,
  ): Promise<string> {
    const whole = createHash('sha256');
    const flights = new Set<Promise<void>>();
    // The first failure stops the others: their buffers must not outlive this call.
    const failure = new AbortController();
    const signal = AbortSignal.any([
      failure.signal,
      ...(options.signal === undefined ? [] : [options.signal]),
    ]);
    let done = 0;
    try {
      for (let number = 1, offset = 0; offset < size.bytes; number++, offset += size.partBytes) {
        signal.throwIfAborted();
        const body = await readPart(file, offset, Math.min(size.partBytes, size.bytes - offset));
        whole.update(body);
        const flight = this.#sendPart(number, body, signal)
          .then(() => {
            done += body.length;
            options.onProgress?.(done);
          })
          .finally(() => flights.delete(flight));
        flight.catch((error: unknown) => failure.abort(error));
        flights.add(flight);
        if (flights.size >= IN_FLIGHT) await Promise.race(flights);
      }
      await Promise.all(flights);
      // A flight that failed while the last part was read is no longer among those just waited for.
      signal.throwIfAborted();
    } catch (error) {
      failure.abort(error);
      await Promise.allSettled(flights);
      // What failed first: the others failed because of it.
      throw failure.signal.reason as Error;
    }
    return whole.digest('hex');
  }

  /**
   * Makes the object of its parts; the store checks each part's digest and the size of the whole. It is not aborted on the way, since
   * the store would go on with it unseen.
   *
   * @param client one that waits long enough for the answer
   */
  async complete(client: S3Client, bytes: number): Promise<void> {
    const Parts = this.#completed.sort((a, b) => (a.PartNumber ?? 0) - (b.PartNumber ?? 0));
    await client.send(
      new CompleteMultipartUploadCommand({
        ...this.target,
        MultipartUpload: { Parts },
        MpuObjectSize: bytes,
        IfNoneMatch: '*',
      }),
    );
  }

  async abort(): Promise<void> {
    await this.client.send(new AbortMultipartUploadCommand(this.target));
  }

  async #sendPart(PartNumber: number, body: Buffer, signal: AbortSignal): Promise<void> {
    const digest = createHash('sha256').update(body).digest();
    const ChecksumSHA256 = digest.toString('base64');
    const stored = this.there.get(PartNumber);
    if (stored?.ChecksumSHA256 === ChecksumSHA256 && stored.Size === body.length) {
      this.#completed.push({ PartNumber, ETag: stored.ETag, ChecksumSHA256 });
      return;
    }
    const command = new UploadPartCommand({ ...this.target, PartNumber, Body: body, ChecksumSHA256 });
    const sent = await this.client.send(withPayloadDigest(command, digest), { abortSignal: signal });
    this.#completed.push({ PartNumber, ETag: sent.ETag, ChecksumSHA256 });
  }
}

async function newestUpload(
  client: S3Client,
  { Bucket, Key }: { Bucket: string; Key: string },
): Promise<string | undefined> {
  let newest: { UploadId?: string; Initiated?: Date } | undefined;
  let markers: { KeyMarker?: string; UploadIdMarker?: string } | undefined = {};
  while (markers !== undefined) {
    const page: ListMultipartUploadsCommandOutput = await client.send(
      new ListMultipartUploadsCommand({ Bucket, Prefix: Key, ...markers }),
    );
    for (const upload of page.Uploads ?? []) {
      if (upload.Key === Key && (newest?.Initiated ?? new Date(0)) <= (upload.Initiated ?? new Date(0)))
        newest = upload;
    }
    markers =
      page.IsTruncated === true
        ? { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker }
        : undefined;
  }
  return newest?.UploadId;
}

async function partsOf(
  client: S3Client,
  target: { Bucket: string; Key: string; UploadId: string },
): Promise<Map<number, Part>> {
  const parts = new Map<number, Part>();
  // Not the SDK's paginator: some stores name a next marker on the last page too, and it would never end.
  let marker: { PartNumberMarker?: string } | undefined = {};
  while (marker !== undefined) {
    const page: ListPartsCommandOutput = await client.send(new ListPartsCommand({ ...target, ...marker }));
    for (const part of page.Parts ?? []) if (part.PartNumber !== undefined) parts.set(part.PartNumber, part);
    marker = page.IsTruncated === true ? { PartNumberMarker: page.NextPartNumberMarker } : undefined;
  }
  return parts;
}

async function readPart(file: FileHandle, offset: number, length: number): Promise<Buffer> {
  const body = Buffer.allocUnsafe(length);
  for (let at = 0; at < length;) {
    const { bytesRead } = await file.read(body, at, length - at, offset + at).catch((error: unknown) => {
      throw classifyDiskError(error, {});
    });
    if (bytesRead === 0) throw new DataCorruptionError('the file ended before its size');
    at += bytesRead;
  }
  return body;
}
