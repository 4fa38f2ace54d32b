import { classifyDiskError } from '../utilities/disk.js';
import { digestOfFile } from '../utilities/file-digest.js';
import { throughFile } from '../utilities/shared-blocks.js';
import { takeBagCheck } from './bag-check.js';

const MAX_MISMATCHES = 100;

export interface ExpectedPackage {
  /** Size and SHA-256 (hex) of the whole tar. */
  bytes: number;
  sha256: string;
}

export interface VerifyOptions {
  signal?: AbortSignal;
  /** Called with the bytes of the tar read so far; begins anew where a damaged one is read a second time. */
  onProgress?: (bytesDone: number) => void;
}

export interface Verification {
  ok: boolean;
  /** What is wrong, as sentences, the first hundred; empty exactly where `ok`. */
  mismatches: string[];
}

interface Request extends ExpectedPackage, VerifyOptions {
  file: string;
}

/**
 * Checks a package on disk: its own digest, which was made of the same bytes as those of its members were. Only one that has another is
 * read again, to tell which members are damaged. A damaged package is an answer, not an error. Throws a {@link StorageError} or
 * {@link PermanentError} where the file can't be read.
 */
export async function verifyPackage(request: Request): Promise<Verification> {
  try {
    const found = await digestOfFile(request.file, request);
    const mismatches: string[] = [];
    if (found.bytes !== request.bytes)
      mismatches.push(`The package has ${found.bytes} bytes, it must have ${request.bytes}`);
    if (found.sha256 !== request.sha256)
      mismatches.push(`The package's SHA-256 is ${found.sha256}, it must be ${request.sha256}`);
    if (mismatches.length > 0) mismatches.push(...(await damagedMembers(request)));
    return { ok: mismatches.length === 0, mismatches: mismatches.slice(0, MAX_MISMATCHES) };
  } catch (error) {
    request.signal?.throwIfAborted();
    throw classifyDiskError(error, { subject: request.file });
  }
}

async function damagedMembers(request: Request): Promise<string[]> {
  const bag = await takeBagCheck();
  try {
    await throughFile(request.file, request, (block) => bag.session.push(block));
    return await bag.session.end();
  } finally {
    bag.release();
  }
}
