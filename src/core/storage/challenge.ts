import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { PhysicalCopy, ReadRange } from '../database/records.js';
import { classifyDiskError } from '../utilities/disk.js';
import type { ArchiveStore, TransferOptions } from './archive-store.js';
import { randomRange, rangesToNote, someOf } from './noted-ranges.js';

/** An archive's answer: what was read of the object, or what is wrong with it, and whether reading it again might tell otherwise. */
export type ChallengeAnswer =
  { method: 'ranges' | 'full'; ranges: ReadRange[] } | { wrong: string; again: boolean };

/** Ranges that are read again: of those that the last full read noted, and of any place. */
const NOTED = 8;
const ANYWHERE = 4;

/** Whether the store still tells of the object what it told when it was verified; in words what differs. */
export async function whatDiffers(store: ArchiveStore, copy: PhysicalCopy): Promise<string | undefined> {
  const found = await store.head(copy.path);
  if (found === undefined) return 'it is gone';
  if (found.bytes !== copy.bytes) return `it has ${found.bytes} bytes instead of ${copy.bytes}`;
  if (found.sha256 !== undefined && found.sha256 !== copy.sha256) return 'it has another checksum';
  if (copy.etag !== undefined && found.etag !== copy.etag) return 'it was replaced since it was verified';
  return undefined;
}

/** Reads the whole object, and notes ranges of it for later challenges. */
export async function readInFull(
  store: ArchiveStore,
  copy: Pick<PhysicalCopy, 'path' | 'bytes' | 'sha256'>,
  options: TransferOptions,
): Promise<ChallengeAnswer> {
  const read = await store.readBack(copy.path, { ...options, ranges: rangesToNote(copy.bytes) });
  if (read.bytes !== copy.bytes)
    return { wrong: `it gave ${read.bytes} bytes instead of ${copy.bytes}`, again: true };
  if (read.sha256 !== copy.sha256)
    return { wrong: `its SHA-256 is ${read.sha256} instead of ${copy.sha256}`, again: true };
  return { method: 'full', ranges: read.ranges ?? [] };
}

/**
 * Reads random ranges again: some that the last full read noted, which are compared with what was read then, and some of any place,
 * whose digests are for whoever has a copy to compare with.
 */
export async function readRanges(
  store: ArchiveStore,
  copy: PhysicalCopy,
  noted: readonly ReadRange[],
  options: TransferOptions,
): Promise<ChallengeAnswer> {
  const ranges: ReadRange[] = [];
  let done = 0;
  const read = async (offset: number, bytes: number): Promise<string> => {
    options.signal?.throwIfAborted();
    const content = await store.readRange(copy.path, offset, bytes);
    options.onProgress?.((done += bytes));
    return createHash('sha256').update(content).digest('hex');
  };
  for (const one of someOf(noted, NOTED)) {
    if ((await read(one.offset, one.bytes)) !== one.sha256)
      return {
        wrong: `it gives other bytes than before in the ${one.bytes} bytes from ${one.offset}`,
        again: true,
      };
    ranges.push(one);
  }
  for (let i = 0; i < ANYWHERE && copy.bytes > 0; i += 1) {
    const { offset, bytes } = randomRange(copy.bytes);
    ranges.push({ offset, bytes, sha256: await read(offset, bytes) });
  }
  return { method: 'ranges', ranges };
}

/**
 * Compares ranges of a file with what an archive gave for them; in words what differs.
 *
 * @throws StorageError, PermanentError where the file can't be read
 */
export async function differsFrom(file: string, ranges: readonly ReadRange[]): Promise<string | undefined> {
  try {
    const local = await open(file, 'r');
    try {
      for (const { offset, bytes, sha256 } of ranges) {
        const { buffer, bytesRead } = await local.read(Buffer.alloc(bytes), 0, bytes, offset);
        const digest = createHash('sha256').update(buffer.subarray(0, bytesRead)).digest('hex');
        if (digest !== sha256) return `the ${bytes} bytes from ${offset} are other ones than in the archive`;
      }
      return undefined;
    } finally {
      await local.close();
    }
  } catch (error) {
    throw classifyDiskError(error, { operation: 'deletion', subject: file });
  }
}
