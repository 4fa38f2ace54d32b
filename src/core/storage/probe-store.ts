import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetBucketVersioningCommand,
  GetObjectCommand,
  GetObjectLockConfigurationCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  PutObjectCommand,
  S3ServiceException,
  UploadPartCommand,
  type CompletedPart,
  type CreateMultipartUploadCommandInput,
  type PutObjectCommandInput,
  type S3Client,
} from '@aws-sdk/client-s3';
import { withSigned, withUnsigned } from './body-guard.js';
import { CHECKSUMS, checksumField, checksumOf, sha256, type ChecksumName } from './checksums.js';
import { classifyS3Error } from './classify-s3-error.js';
import { makeS3Client } from './s3-client.js';
import type { S3Settings } from './s3-settings.js';
import { PROBE_PREFIX, type ChecksumTrust, type StoreCapabilities } from './store-capabilities.js';

/** S3 numbers parts from 1 to 10,000; of at least 5 MiB but the last (Amazon S3 multipart upload limits). */
const MAX_PARTS = 10_000;
const MIN_PART_BYTES = 5 * 1024 * 1024;
const IDLE_SECONDS = 30;

/** Combinations that S3 knows of a checksum and what it is taken over. */
const MULTIPART_CHECKSUMS: [ChecksumName, 'full_object' | 'composite'][] = [
  ['SHA256', 'composite'],
  ['SHA1', 'composite'],
  ['CRC32C', 'composite'],
  ['CRC32C', 'full_object'],
  ['CRC32', 'composite'],
  ['CRC32', 'full_object'],
  ['CRC64NVME', 'full_object'],
];

/**
 * Finds out what an S3 store can do, by doing it with a few small objects below {@link PROBE_PREFIX}, which are removed again. The
 * bucket must be there. What a store refuses is an answer; what keeps it from answering is an error.
 *
 * @throws NetworkError or ServiceUnavailableError when the store can't be asked now, ConfigurationError for wrong keys
 */
export async function probeStore(settings: S3Settings & { bucket: string }): Promise<StoreCapabilities> {
  const plain = makeS3Client(settings, { idleSeconds: IDLE_SECONDS });
  const asSdksDo = makeS3Client(settings, { idleSeconds: IDLE_SECONDS, sdkDefaults: true });
  const probe = new Probe(plain, asSdksDo, settings.bucket);
  try {
    return await probe.run();
  } catch (error) {
    throw classifyS3Error(error, { operation: 'audit', subject: `bucket ${settings.bucket}` });
  } finally {
    plain.destroy();
    asSdksDo.destroy();
  }
}

class Probe {
  readonly #prefix = `${PROBE_PREFIX}${randomBytes(6).toString('hex')}/`;
  readonly #body = randomBytes(1000);
  readonly #made = new Set<string>();

  constructor(
    private readonly client: S3Client,
    private readonly asSdksDo: S3Client,
    private readonly bucket: string,
  ) {}

  async run(): Promise<StoreCapabilities> {
    let found: Omit<StoreCapabilities, 'leftovers'>;
    try {
      found = await this.#findOut();
    } catch (error) {
      // Told is why the store could not be asked, not what became of the cleaning up because of that.
      await Promise.allSettled([this.#cleanUp()]);
      throw error;
    }
    return { ...found, leftovers: await this.#cleanUp() };
  }

  async #findOut(): Promise<Omit<StoreCapabilities, 'leftovers'>> {
    // If not even this is taken, nothing is found out of anything else.
    await this.#put({});
    const checksums = {} as StoreCapabilities['checksums'];
    for (const name of CHECKSUMS) {
      const field = checksumField(name);
      checksums[name] = await this.#trust((bytes) => this.#put({ [field]: checksumOf(name, bytes) }));
    }
    const contentMd5 = await this.#trust((bytes) => this.#put({ ContentMD5: checksumOf('MD5', bytes) }));
    const multipart = await this.#multipart();
    return {
      checksums,
      contentMd5,
      signedPayload: await this.#trust((bytes) =>
        this.#put({}, (command) => withSigned(command, sha256(bytes).toString('hex'))),
      ),
      unsignedPayload: await taken(() => this.#put({}, withUnsigned)),
      tellsChecksums: checksums.SHA256 !== 'refused' && (await this.#tellsChecksums()),
      sdkDefaults: { header: await this.#takesHeader(), trailer: await this.#takesTrailer() },
      conditionalPut: await this.#refusesToOverwrite(),
      conditionalComplete: multipart.works && (await this.#refusesToComplete()),
      multipart,
      ranges: await this.#givesRanges(),
      versioning: await this.#configured(async () => {
        const answer = await this.client.send(new GetBucketVersioningCommand({ Bucket: this.bucket }));
        return answer.Status === 'Enabled';
      }),
      objectLock: await this.#configured(async () => {
        const answer = await this.client.send(new GetObjectLockConfigurationCommand({ Bucket: this.bucket }));
        return answer.ObjectLockConfiguration?.ObjectLockEnabled === 'Enabled';
      }),
    };
  }

  /** What becomes of an object that comes with the right digest of its bytes, and with that of others. */
  async #trust(put: (digested: Buffer) => Promise<unknown>): Promise<ChecksumTrust> {
    if (!(await taken(() => put(this.#body)))) return 'refused';
    return (await taken(() => put(randomBytes(1000)))) ? 'ignored' : 'checked';
  }

  async #put(
    parameters: Partial<PutObjectCommandInput>,
    sign: (command: PutObjectCommand) => PutObjectCommand = (command) => command,
  ): Promise<void> {
    const command = new PutObjectCommand({ ...this.#object('one'), Body: this.#body, ...parameters });
    await this.client.send(sign(command));
  }

  async #tellsChecksums(): Promise<boolean> {
    const sha256 = checksumOf('SHA256', this.#body);
    const at = this.#object('told');
    await this.client.send(new PutObjectCommand({ ...at, Body: this.#body, ChecksumSHA256: sha256 }));
    return this.#taken(async () => {
      const answer = await this.client.send(new HeadObjectCommand({ ...at, ChecksumMode: 'ENABLED' }));
      return answer.ChecksumSHA256 === sha256;
    });
  }

  #takesHeader(): Promise<boolean> {
    return taken(() =>
      this.asSdksDo.send(new PutObjectCommand({ ...this.#object('header'), Body: this.#body })),
    );
  }

  /** Only a stream's checksum goes behind it; whether what arrived is the body and not its framing is looked at, too. */
  #takesTrailer(): Promise<boolean> {
    const at = this.#object('trailer');
    return this.#taken(async () => {
      const Body = Readable.from([this.#body]);
      await this.asSdksDo.send(new PutObjectCommand({ ...at, Body, ContentLength: this.#body.length }));
      return this.#body.equals(await this.#read(at));
    });
  }

  async #refusesToOverwrite(): Promise<boolean> {
    const at = { ...this.#object('kept'), IfNoneMatch: '*' };
    if (!(await taken(() => this.client.send(new PutObjectCommand({ ...at, Body: this.#body })))))
      return false;
    return !(await taken(() => this.client.send(new PutObjectCommand({ ...at, Body: this.#body }))));
  }

  async #refusesToComplete(): Promise<boolean> {
    const whole = (name: string) => this.#upload(name, {}, [this.#body], { IfNoneMatch: '*' });
    return (await taken(() => whole('completed'))) && !(await taken(() => whole('completed')));
  }

  async #givesRanges(): Promise<boolean> {
    return this.#taken(async () =>
      this.#body.subarray(100, 200).equals(await this.#read(this.#object('one'), 'bytes=100-199')),
    );
  }

  async #multipart(): Promise<StoreCapabilities['multipart']> {
    const works = await taken(() => this.#upload('parts', {}, [this.#body]));
    const checksums = Object.fromEntries(CHECKSUMS.map((name) => [name, [] as string[]]));
    if (works) {
      for (const [name, over] of MULTIPART_CHECKSUMS) {
        const ChecksumType = over === 'composite' ? 'COMPOSITE' : 'FULL_OBJECT';
        const asked = { ChecksumAlgorithm: name, ChecksumType } as const;
        if (await taken(() => this.#upload(`${name}-${over}`, asked, [this.#body], {}, name)))
          checksums[name]?.push(over);
      }
    }
    const tooSmall = works && !(await taken(() => this.#upload('small-parts', {}, [this.#body, this.#body])));
    return {
      works,
      lists: works && (await this.#listsParts()),
      checksums: checksums as StoreCapabilities['multipart']['checksums'],
      minPartBytes: tooSmall ? MIN_PART_BYTES : 0,
      maxParts: works && (await this.#takesPart(MAX_PARTS + 1)) ? undefined : MAX_PARTS,
    };
  }

  /** One upload in parts from its beginning to its end; given up where it is not taken. */
  async #upload(
    name: string,
    create: Partial<CreateMultipartUploadCommandInput>,
    bodies: Buffer[],
    complete: { IfNoneMatch?: string } = {},
    checksum?: ChecksumName,
  ): Promise<void> {
    const at = this.#object(name);
    await this.#withUpload(at, create, async (UploadId) => {
      const Parts: CompletedPart[] = [];
      for (const [index, Body] of bodies.entries()) {
        const digest =
          checksum === undefined ? {} : { [checksumField(checksum)]: checksumOf(checksum, Body) };
        const part = { ...at, UploadId, PartNumber: index + 1, Body, ...digest };
        const { ETag } = await this.client.send(new UploadPartCommand(part));
        Parts.push({ PartNumber: index + 1, ETag, ...digest });
      }
      await this.client.send(
        new CompleteMultipartUploadCommand({ ...at, UploadId, MultipartUpload: { Parts }, ...complete }),
      );
    });
  }

  #listsParts(): Promise<boolean> {
    const at = this.#object('listed');
    return this.#taken(() =>
      this.#withUpload(at, {}, async (UploadId) => {
        await this.client.send(new UploadPartCommand({ ...at, UploadId, PartNumber: 1, Body: this.#body }));
        const uploads = await this.client.send(
          new ListMultipartUploadsCommand({ Bucket: this.bucket, Prefix: at.Key }),
        );
        const parts = await this.client.send(new ListPartsCommand({ ...at, UploadId }));
        await this.client.send(new AbortMultipartUploadCommand({ ...at, UploadId }));
        const told = uploads.Uploads?.some((one) => one.UploadId === UploadId) === true;
        return told && parts.Parts?.[0]?.Size === this.#body.length;
      }),
    );
  }

  #takesPart(PartNumber: number): Promise<boolean> {
    const at = this.#object('numbered');
    return taken(() =>
      this.#withUpload(at, {}, async (UploadId) => {
        await this.client.send(new UploadPartCommand({ ...at, UploadId, PartNumber, Body: this.#body }));
        await this.client.send(new AbortMultipartUploadCommand({ ...at, UploadId }));
      }),
    );
  }

  async #withUpload<T>(
    at: { Bucket: string; Key: string },
    create: Partial<CreateMultipartUploadCommandInput>,
    act: (uploadId: string) => Promise<T>,
  ): Promise<T> {
    const { UploadId } = await this.client.send(new CreateMultipartUploadCommand({ ...at, ...create }));
    try {
      return await act(UploadId ?? '');
    } catch (error) {
      await taken(() => this.client.send(new AbortMultipartUploadCommand({ ...at, UploadId })));
      throw error;
    }
  }

  async #read(at: { Bucket: string; Key: string }, Range?: string): Promise<Buffer> {
    const answer = await this.client.send(new GetObjectCommand({ ...at, Range }));
    return Buffer.from((await answer.Body?.transformToByteArray()) ?? []);
  }

  /** A question that a key may not be allowed to ask, or a store may not know, stays open. */
  async #configured(ask: () => Promise<boolean>): Promise<boolean | undefined> {
    try {
      return await ask();
    } catch (error) {
      if (error instanceof S3ServiceException && error.name === 'ObjectLockConfigurationNotFoundError')
        return false;
      if (isRefusal(error)) return undefined;
      throw error;
    }
  }

  async #taken(act: () => Promise<boolean>): Promise<boolean> {
    let answer = false;
    return (await taken(async () => (answer = await act()))) && answer;
  }

  #object(name: string): { Bucket: string; Key: string } {
    const Key = `${this.#prefix}${name}`;
    this.#made.add(Key);
    return { Bucket: this.bucket, Key };
  }

  /** Removes what was made, and returns how many objects stay. */
  async #cleanUp(): Promise<number> {
    let left = 0;
    for (const Key of this.#made) {
      // Where versions are kept, what is left behind the marker takes no more than the few bytes of a probe.
      if (!(await taken(() => this.client.send(new DeleteObjectCommand({ Bucket: this.bucket, Key })))))
        left += 1;
    }
    return left;
  }
}

/** Whether the store did what it was asked for; false where it said no, which is not that it failed. */
async function taken(act: () => Promise<unknown>): Promise<boolean> {
  try {
    await act();
    return true;
  } catch (error) {
    if (isRefusal(error)) return false;
    throw error;
  }
}

function isRefusal(error: unknown): boolean {
  if (!(error instanceof S3ServiceException)) return false;
  const status = error.$metadata.httpStatusCode ?? 0;
  return status === 501 || (status >= 400 && status < 500 && status !== 429);
}
