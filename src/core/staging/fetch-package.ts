import { mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { StorageError } from '../exceptions.js';
import { damageOf, unpackInto } from '../package/unpack-local.js';
import { Unpacker, type ExpectedMember } from '../package/unpacker.js';
import { errorCode } from '../package/source-root.js';
import type { TransferOptions } from '../storage/archive-store.js';
import { classifyDiskError, freeSpace } from '../utilities/disk.js';
import type { ByteSource } from './byte-source.js';
import { download } from './download.js';

/** What is asked of an archive. */
export interface FetchRequest extends TransferOptions {
  source: ByteSource;
  /** Of the tar in the archive. */
  bytes: number;
  sha256: string;
  /** Members that are not in the target yet. */
  missing: ExpectedMember[];
  /** Where they go; exists. */
  target: string;
  /** A folder on the same disk for what is not whole yet; made where it is not there. */
  work: string;
  /** Bytes that must stay free on the disk. */
  reserveBytes: number;
}

const MIB = 1024 * 1024;
/** More than this in a row that nobody wants is not read but jumped over. */
const JUMP = 4 * MIB;
/** Nothing else tells when a disk has room again. */
const FULL_DISK_SECONDS = 60;

/**
 * Whether a package is read as a whole or only where its wanted files lie. The digest of the whole covers everything; that of a file
 * covers the file. So a symbolic link, which has no digest of its own, is taken from a package that was read as a whole only.
 */
export function readsWhole(bytes: number, missing: ExpectedMember[]): boolean {
  const wanted = missing.reduce((sum, one) => sum + one.size, 0);
  return missing.some((one) => one.kind !== 'file') || wanted * 2 > bytes;
}

/**
 * Brings members of a package from an archive into a folder, each verified against the digest of the first read before it gets its name.
 * An attempt that was interrupted is gone on with: of the tar where its partial file ends, of single files with the next one.
 *
 * @returns what is damaged or missing in the archive's copy, as sentences; empty where all is in its place
 * @throws StorageError where the disk has no room; what the source throws, where it can't be read
 */
export async function fetchMembers(request: FetchRequest): Promise<string[]> {
  const { missing, bytes, source, work } = request;
  await makeFolder(work);
  const payload = missing.reduce((sum, one) => sum + one.size, 0);
  if (!readsWhole(bytes, missing)) {
    await requireRoom(request, payload);
    return fetchByRanges(request);
  }
  if (source.file !== undefined) {
    await requireRoom(request, payload);
    const { mismatches } = await unpackInto({
      ...request,
      file: source.file,
      wanted: missing,
      scratch: work,
    });
    return mismatches;
  }
  const part = join(work, 'package.tar.part');
  await requireRoom(request, payload + bytes - (await sizeOf(part)));
  await download(request, part);
  const { mismatches } = await unpackInto({
    ...request,
    file: part,
    wanted: missing,
    scratch: work,
    onProgress: (done) => request.onProgress?.(bytes + done),
  });
  await rm(part, { force: true });
  return mismatches;
}

/** Reads what is wanted and little else. Every file is checked; the tar as a whole is not. */
async function fetchByRanges({
  source,
  bytes,
  missing,
  target,
  work,
  signal,
  onProgress,
}: FetchRequest): Promise<string[]> {
  const unpacker = new Unpacker({ target, scratch: work, wanted: missing });
  try {
    let broken: string | undefined;
    for (let at = 0; at < bytes && !unpacker.complete && broken === undefined;) {
      signal?.throwIfAborted();
      const ahead = Math.min(8 * MIB, Math.max(MIB / 4, unpacker.wantedLeft + MIB / 4));
      const piece = await source.read(at, Math.min(ahead, bytes - at));
      at += piece.length;
      broken = await damageOf(() => unpacker.push(piece));
      if (unpacker.unwantedLeft > JUMP) at += unpacker.skip();
      onProgress?.(at);
    }
    const mismatches = await unpacker.end(false);
    return broken === undefined ? mismatches : [broken, ...mismatches];
  } finally {
    await unpacker.discard();
  }
}

async function requireRoom({ target, reserveBytes }: FetchRequest, needed: number): Promise<void> {
  const { free } = await freeSpace(target);
  if (free >= needed + reserveBytes) return;
  throw new StorageError(
    `${target} has ${free} bytes free; ${needed} are needed, and ${reserveBytes} must stay free`,
    {
      operation: 'staging',
      subject: target,
      advice: 'Release staging jobs that are no longer needed, or free space; the work goes on by itself.',
      context: { freeBytes: free, neededBytes: needed, reserveBytes },
      retryAfterSeconds: FULL_DISK_SECONDS,
    },
  );
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    throw classifyDiskError(error, { operation: 'staging', subject: folder });
  }
}

async function sizeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return 0;
    throw classifyDiskError(error, { operation: 'staging', subject: file });
  }
}
