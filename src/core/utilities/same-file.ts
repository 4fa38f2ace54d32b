import type { BigIntStats } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { classifyDiskError, ifPresent } from './disk.js';

/**
 * What a file is just now, to be compared with what it is later; undefined where there is none. Throws as `classifyDiskError` does.
 *
 * @param operation for messages
 */
export async function fileStatus(path: string, operation: string): Promise<BigIntStats | undefined> {
  try {
    return await ifPresent(lstat(path, { bigint: true }));
  } catch (error) {
    throw classifyDiskError(error, { operation, subject: path });
  }
}

/** Whether nobody has replaced or written to a file meanwhile; one that is gone is no other file. */
export function isSameFile(one: BigIntStats | undefined, other: BigIntStats | undefined): boolean {
  if (other === undefined) return true;
  return (
    one !== undefined &&
    one.dev === other.dev &&
    one.ino === other.ino &&
    one.size === other.size &&
    one.mtimeNs === other.mtimeNs
  );
}
