import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { ArchiveCorruptionError, PackageError } from '../exceptions.js';
import type { TransferOptions } from '../storage/archive-store.js';
import { classifyDiskError, syncDirectory } from '../utilities/disk.js';
import type { PathText } from '../utilities/path-text.js';
import type { ExpectedPackage } from './verify-package.js';
import { Unpacker, type ExpectedMember } from './unpacker.js';

const CHUNK = 1024 * 1024;

export interface UnpackRequest extends ExpectedPackage, TransferOptions {
  /** The tar. */
  file: string;
  /** What is wanted of it: all its members or some. */
  wanted: ExpectedMember[];
}

export interface Unpacked {
  /** What is damaged or missing, as sentences; empty where every wanted member is in its place and the tar is whole. */
  mismatches: string[];
  /** Regular files written, and their bytes. */
  files: number;
  bytes: number;
}

/**
 * Unpacks members of a package on this host into a folder that exists, in one reading of the tar: the tar's own SHA-256 and that of each
 * file are checked on the way. A file that is not as it was read first gets no name. That the package is damaged is an answer.
 *
 * @param request.scratch a folder on the same disk as the target
 * @throws StorageError or PermanentError where the disk fails or something stands in the way
 */
export async function unpackInto(
  request: UnpackRequest & { target: string; scratch: string },
): Promise<Unpacked> {
  const { file, signal } = request;
  const unpacker = new Unpacker(request);
  const whole = createHash('sha256');
  let bytes = 0;
  let broken: string | undefined;
  try {
    const stream = createReadStream(file, { highWaterMark: CHUNK });
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      signal?.throwIfAborted();
      whole.update(chunk);
      bytes += chunk.length;
      // Once the structure is lost the rest can't be understood; only the digest of the whole goes on.
      if (broken === undefined) broken = await damageOf(() => unpacker.push(chunk));
      request.onProgress?.(bytes);
    }
    const mismatches = await unpacker.end(broken === undefined);
    if (broken !== undefined) mismatches.unshift(broken);
    const sha256 = whole.digest('hex');
    if (sha256 !== request.sha256 || bytes !== request.bytes)
      mismatches.unshift(
        `the package has ${bytes} bytes and the SHA-256 ${sha256} instead of ${request.bytes} and ${request.sha256}`,
      );
    return { mismatches, files: unpacker.files, bytes: unpacker.bytes };
  } catch (error) {
    signal?.throwIfAborted();
    throw classifyDiskError(error, { operation: 'staging', subject: file });
  } finally {
    await unpacker.discard();
  }
}

/**
 * Unpacks members of a package on this host under a new name: the folder `target` is there whole or not at all.
 *
 * @throws ArchiveCorruptionError where the package is damaged; nothing is left of it then
 * @throws StorageError or PermanentError where the disk fails or the target exists
 */
export async function unpackLocal(
  request: UnpackRequest & { target: string },
): Promise<{ files: number; bytes: number; folder: PathText }> {
  const { target } = request;
  let beside: string | undefined;
  try {
    beside = await mkdtemp(join(dirname(target), `.${basename(target).slice(0, 200)}.`));
    const [content, scratch] = [join(beside, 'content'), join(beside, 'scratch')];
    await mkdir(content, 0o755);
    await mkdir(scratch);
    const { mismatches, files, bytes } = await unpackInto({ ...request, target: content, scratch });
    if (mismatches.length > 0)
      throw new ArchiveCorruptionError(
        `${basename(request.file)} is damaged: ${mismatches.slice(0, 5).join('; ')}`,
        {
          subject: request.file,
          advice: 'Take another copy of this package.',
        },
      );
    await rename(content, target);
    await syncDirectory(dirname(target));
    return { files, bytes, folder: target };
  } catch (error) {
    throw classifyDiskError(error, { operation: 'staging', subject: target });
  } finally {
    if (beside !== undefined) await rm(beside, { recursive: true, force: true });
  }
}

/** What a piece of a damaged tar says of itself; other errors are thrown. */
export async function damageOf(work: () => Promise<void>): Promise<string | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (error instanceof PackageError) return error.message;
    throw error;
  }
}
