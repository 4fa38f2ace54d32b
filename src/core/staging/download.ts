import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ChecksumVerificationError, DestinationFileExistsError } from '../exceptions.js';
import type { TransferOptions } from '../storage/archive-store.js';
import { calculateChecksum } from '../utilities/checksum.js';
import { classifyDiskError, removeIfPresent, syncDirectory, writeAll } from '../utilities/disk.js';
import { readPieces, type ByteSource } from './byte-source.js';

const SYNC_EVERY = 256 * 1024 * 1024;

export interface Download extends TransferOptions {
  source: ByteSource;
  /** Of the package's tar. */
  bytes: number;
}

/** Fetches a package's tar into a partial file, from where that ends. Writing the same bytes twice at once does no harm. */
export async function download({ source, bytes, signal, onProgress }: Download, part: string): Promise<void> {
  try {
    const file = await open(part, 'a+').then(async (made) => {
      await made.close();
      return open(part, 'r+');
    });
    try {
      let at = Math.min((await file.stat()).size, bytes);
      let synced = at;
      for await (const piece of readPieces(source, at, bytes, signal)) {
        await writeAll(file, piece, at);
        at += piece.length;
        onProgress?.(at);
        if (at - synced < SYNC_EVERY) continue;
        await file.datasync();
        synced = at;
      }
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    throw classifyDiskError(error, { operation: 'staging', subject: part });
  }
}

/**
 * Brings a package's tar whole to its place, read back from disk and equal before it gets its name.
 *
 * @throws ChecksumVerificationError where what came is not the package; nothing is left of it
 * @throws DestinationFileExistsError where something else lies in its place, which stays
 */
export async function bringWhole(wanted: Download & { sha256: string }, file: string): Promise<void> {
  const part = `${file}.back.part`;
  const { signal, sha256 } = wanted;
  const there = await digestOf(file, wanted);
  if (there === sha256) return;
  if (there !== undefined)
    throw new DestinationFileExistsError(`${file} is there and is not this package`, {
      subject: file,
      context: { expected: sha256, found: there },
      advice: 'Find out what it is and move it aside, then retry.',
    });
  await download(wanted, part);
  const came = await calculateChecksum(part, 'sha256', {
    signal,
    onProgress: (done) => wanted.onProgress?.(wanted.bytes + done),
  });
  if (came !== sha256) {
    await removeIfPresent(part);
    throw new ChecksumVerificationError(`what came of ${file} is not what was packaged`, {
      subject: file,
      context: { expected: sha256, found: came },
    });
  }
  try {
    await rename(part, file);
  } catch (error) {
    // Another attempt may have been first.
    if ((await digestOf(file, wanted)) !== sha256) throw classifyDiskError(error, { subject: file });
  }
  await syncDirectory(dirname(file));
}

/** Undefined where there is no such file. */
async function digestOf(file: string, options: TransferOptions): Promise<string | undefined> {
  try {
    return await calculateChecksum(file, 'sha256', options);
  } catch (error) {
    if (((error as Error).cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') return undefined;
    throw error;
  }
}
