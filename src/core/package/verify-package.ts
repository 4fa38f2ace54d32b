import { createHash } from 'node:crypto';
import { classifyDiskError } from '../utilities/disk.js';
import { takeDigest } from '../utilities/digest-session.js';
import { throughFile } from '../utilities/shared-blocks.js';
import { asBuffer } from '../utilities/threads.js';
import { BagCheck, takeBagCheck } from './bag-check.js';

const MAX_MISMATCHES = 100;

export interface ExpectedPackage {
  /** Size and SHA-256 (hex) of the whole tar. */
  bytes: number;
  sha256: string;
}

export interface VerifyOptions {
  signal?: AbortSignal;
  /** Called with the bytes of the tar checked so far. */
  onProgress?: (bytesDone: number) => void;
}

export interface Verification {
  ok: boolean;
  /** What is wrong, as sentences, the first hundred; empty exactly where `ok`. */
  mismatches: string[];
  /** Payload files that were checked. */
  files: number;
}

/**
 * Checks a package on disk in one reading: its own digest, and that of every member against the bag's manifests, each in a thread.
 * A damaged package is an answer, not an error. Throws a {@link StorageError} or {@link PermanentError} where the file can't be read.
 */
export async function verifyPackage(
  request: ExpectedPackage & VerifyOptions & { file: string },
): Promise<Verification> {
  const whole = await takeDigest();
  try {
    const bag = await takeBagCheck();
    try {
      const bytes = await throughFile(request.file, request, (block) =>
        Promise.all([whole.session.update(block), bag.session.push(block)]),
      );
      const { mismatches, files } = await bag.session.end();
      return verdict(request, { bytes, sha256: await whole.session.digest() }, mismatches, files);
    } finally {
      bag.release();
    }
  } catch (error) {
    request.signal?.throwIfAborted();
    throw classifyDiskError(error, { subject: request.file });
  } finally {
    whole.release();
  }
}

/**
 * The same check of a package that arrives as a stream, such as an object read back from a store.
 * Errors of the stream are thrown as they are.
 */
export async function verifyPackageStream(
  stream: AsyncIterable<Buffer | Uint8Array>,
  expected: ExpectedPackage,
  options: VerifyOptions = {},
): Promise<Verification> {
  const whole = createHash('sha256');
  const bag = new BagCheck();
  let bytes = 0;
  for await (const piece of stream) {
    options.signal?.throwIfAborted();
    const chunk = asBuffer(piece);
    whole.update(chunk);
    bag.push(chunk);
    bytes += chunk.length;
    options.onProgress?.(bytes);
  }
  const { mismatches, files } = bag.end();
  return verdict(expected, { bytes, sha256: whole.digest('hex') }, mismatches, files);
}

function verdict(
  expected: ExpectedPackage,
  found: ExpectedPackage,
  mismatches: string[],
  files: number,
): Verification {
  const all = [...mismatches];
  if (found.sha256 !== expected.sha256)
    all.unshift(`The package's SHA-256 is ${found.sha256}, it must be ${expected.sha256}`);
  if (found.bytes !== expected.bytes)
    all.unshift(`The package has ${found.bytes} bytes, it must have ${expected.bytes}`);
  return { ok: all.length === 0, mismatches: all.slice(0, MAX_MISMATCHES), files };
}
