import { setTimeout as sleep } from 'node:timers/promises';
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
import { ArchiveError } from '../exceptions.js';
import type { ByteSource, TransferOptions } from './archive-store.js';
import { withSigned, type Guard } from './body-guard.js';
import { CHECKSUMS, checksumField, checksumOf, type ChecksumName } from './checksums.js';
import { takePartDigests } from './part-digests.js';
import { anySignal } from '../utilities/any-signal.js';
import { giveBlock, takeBlock } from '../utilities/shared-blocks.js';
import { isMissing } from './s3-answers.js';
import type { StoreMode } from './store-capabilities.js';

const IN_FLIGHT = 3;
const ABORTS = 3;
const ABORT_PAUSE_MS = 300;

interface Target {
  Bucket: string;
  Key: string;
  Metadata: Record<string, string>;
}

/**
 * An upload in parts that survives its process: the store is asked which parts it has, and only what is missing, or differs from
 * the file, is sent. Each part carries a checksum that the server checks. In a store that does not tell its parts an upload starts anew.
 */
export class MultipartUpload {
  readonly #completed: CompletedPart[] = [];

  private constructor(
    private readonly client: S3Client,
    private readonly target: Omit<Target, 'Metadata'> & { UploadId: string },
    private readonly there: Map<number, Part>,
    private readonly mode: StoreMode,
  ) {}

  /** Takes up the newest unfinished upload of this key, or begins one. */
  static async resumeOrCreate(
    client: S3Client,
    { Bucket, Key, Metadata }: Target,
    mode: StoreMode,
  ): Promise<MultipartUpload> {
    const ChecksumAlgorithm = algorithmOf(mode);
    const unfinished = mode.resumes ? await newestUpload(client, { Bucket, Key }) : undefined;
    if (unfinished !== undefined) {
      const target = { Bucket, Key, UploadId: unfinished.UploadId };
      const upload = new MultipartUpload(client, target, await partsOf(client, target), mode);
      // The store takes no parts with checksums of another kind than the upload was begun with.
      if (unfinished.ChecksumAlgorithm === undefined || unfinished.ChecksumAlgorithm === ChecksumAlgorithm)
        return upload;
      await upload.giveUp();
    }
    const created = await client.send(
      new CreateMultipartUploadCommand({ Bucket, Key, Metadata, ChecksumAlgorithm }),
    );
    if (created.UploadId === undefined)
      throw new ArchiveError(`the store began no upload of ${Key}`, { subject: Key });
    return new MultipartUpload(client, { Bucket, Key, UploadId: created.UploadId }, new Map(), mode);
  }

  /**
   * Reads the whole source once and sends the parts that the store lacks, a few at a time.
   *
   * @returns hex SHA-256 of what was read
   */
  async sendParts(
    source: ByteSource,
    size: { bytes: number; partBytes: number },
    options: TransferOptions,
  ): Promise<string> {
    const digests = await takePartDigests({
      checksum: this.mode.partChecksum,
      takesUnsigned: this.mode.takesUnsigned,
    });
    const flights = new Set<Promise<void>>();
    const parts = Math.ceil(size.bytes / size.partBytes);
    const blocks = Array.from({ length: Math.min(parts, IN_FLIGHT) }, () => takeBlock(size.partBytes));
    // The first failure stops the others: their buffers must not outlive this call.
    const failure = new AbortController();
    const signal = anySignal(failure.signal, options.signal);
    let done = 0;
    try {
      for (let number = 1, offset = 0; offset < size.bytes; number++, offset += size.partBytes) {
        signal.throwIfAborted();
        const block = blocks.pop() as Buffer; // as many as there may be flights
        const body = block.subarray(0, Math.min(size.partBytes, size.bytes - offset));
        await source.read(offset, body);
        // In a thread, in the order of the parts.
        const flight = digests.session
          .add(body)
          .then((guard) => this.#sendPart(number, body, guard, signal))
          .then(() => {
            done += body.length;
            blocks.push(block);
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
      const digest = await digests.session.digest();
      // After a failure a request that was broken off may still hold one: then they are left to the collector.
      blocks.forEach(giveBlock);
      return digest;
    } catch (error) {
      failure.abort(error);
      await Promise.allSettled(flights);
      // What failed first: the others failed because of it.
      throw failure.signal.reason as Error;
    } finally {
      digests.release();
    }
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
        ...(algorithmOf(this.mode) === undefined ? {} : { MpuObjectSize: bytes }),
        ...(this.mode.conditionalComplete ? { IfNoneMatch: '*' } : {}),
      }),
    );
  }

  async abort(): Promise<void> {
    await this.client.send(new AbortMultipartUploadCommand(this.target));
  }

  /**
   * Gives the upload up for good, as far as the store lets us. A part that was on its way may bring it back, so it is aborted until the
   * store does not know it any more (Amazon S3 API, AbortMultipartUpload).
   */
  async giveUp(): Promise<void> {
    for (let tries = 0; tries < ABORTS; tries++) {
      const [outcome] = await Promise.allSettled([this.abort()]);
      if (outcome.status === 'rejected' && isMissing(outcome.reason)) return;
      await sleep(ABORT_PAUSE_MS);
    }
  }

  async #sendPart(PartNumber: number, body: Buffer, guard: Guard, signal: AbortSignal): Promise<void> {
    const stored = this.there.get(PartNumber);
    if (stored !== undefined && holds(stored, body)) {
      this.#completed.push({ PartNumber, ETag: stored.ETag, ...checksumsOf(stored) });
      return;
    }
    const command = new UploadPartCommand({ ...this.target, PartNumber, Body: body, ...guard.parameters });
    const sent = await this.client.send(withSigned(command, guard.signed), { abortSignal: signal });
    // Content-MD5 is of the request alone; the completion names the checksums that belong to the part.
    this.#completed.push({ PartNumber, ETag: sent.ETag, ...guard.parameters, ...{ ContentMD5: undefined } });
  }
}

function algorithmOf({ partChecksum }: StoreMode): ChecksumName | undefined {
  return partChecksum === 'MD5' ? undefined : partChecksum;
}

/** Whether a part of the store is this one, by a checksum of it that the store tells: an ETag is none, whatever it looks like. */
function holds(part: Part, body: Buffer): boolean {
  if (part.Size !== body.length) return false;
  const told = CHECKSUMS.find((name) => name !== 'CRC64NVME' && part[checksumField(name)] !== undefined);
  return told !== undefined && part[checksumField(told)] === checksumOf(told, body);
}

function checksumsOf(part: Part): Partial<CompletedPart> {
  const told = CHECKSUMS.map((name) => [checksumField(name), part[checksumField(name)]] as const);
  return Object.fromEntries(told.filter(([, value]) => value !== undefined));
}

async function newestUpload(
  client: S3Client,
  { Bucket, Key }: { Bucket: string; Key: string },
): Promise<{ UploadId: string; ChecksumAlgorithm?: string } | undefined> {
  let newest: NonNullable<ListMultipartUploadsCommandOutput['Uploads']>[number] | undefined;
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
  if (newest?.UploadId === undefined) return undefined;
  return { UploadId: newest.UploadId, ChecksumAlgorithm: newest.ChecksumAlgorithm };
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
