import { createHash } from 'node:crypto';
import { constants, type BigIntStats } from 'node:fs';
import { lstat, open, realpath, rmdir, unlink } from 'node:fs/promises';
import { StorageError } from '../exceptions.js';
import { classifyDiskError, ifPresent } from '../utilities/disk.js';
import { decodePath, type PathText } from '../utilities/path-text.js';
import { printable } from '../utilities/printable.js';
import type { PackageMember } from './package-result.js';
import { findSourceRoot, isEmpty, isStillThere } from './source-root.js';

export interface SourceDeletion {
  /** Gone now, by us or before us. */
  deleted: PathText[];
  kept: { path: PathText; reason: string }[];
}

const SLASH = Buffer.from('/');

/**
 * Deletes what was packaged from a source, and only that: an entry that is not exactly what was packaged stays. Folders that
 * become empty by it are removed, never the root nor what lies directly below it: an instrument goes on writing there.
 *
 * @param root absolute path of the source
 * @throws StorageError, PermanentError when the source itself can't be worked on; what was deleted until then is found gone by the next try
 */
export async function deleteSourceEntries(
  root: string,
  members: PackageMember[],
  options: { signal?: AbortSignal } = {},
): Promise<SourceDeletion> {
  const result: SourceDeletion = { deleted: [], kept: [] };
  const found = await findSourceRoot(root, StorageError);
  const realRoot = found.path;
  // An unmounted disk leaves an empty folder, in which all would count as gone.
  if (await isEmpty(found)) throw notThere(root);
  const folders = new Map<string, Buffer>();
  for (const member of members) {
    options.signal?.throwIfAborted();
    const relative = decodePath(member.path);
    const path = Buffer.concat([realRoot, SLASH, relative]);
    try {
      const reason = await deleteEntry(realRoot, path, member);
      if (reason === undefined) result.deleted.push(member.path);
      else result.kept.push({ path: member.path, reason });
    } catch (error) {
      throw classifyDiskError(error, { operation: 'deletion', subject: member.path });
    }
    const folder = parent(relative);
    if (folder !== undefined) folders.set(folder.toString('latin1'), folder);
  }
  if (!(await isStillThere(found))) throw notThere(root);
  for (const folder of folders.values()) await pruneEmpty(realRoot, folder);
  return result;
}

function notThere(root: string): StorageError {
  return new StorageError(
    `the source ${printable(root)} is empty or went away: what is missing may only be out of reach`,
    {
      operation: 'deletion',
      subject: printable(root),
      advice:
        'Mount its disk; it is tried again by itself, and nothing is recorded as gone meanwhile. If it really is empty, any file in it is enough.',
    },
  );
}

/** Deletes one entry; returns why it stays. */
async function deleteEntry(
  realRoot: Buffer,
  path: Buffer,
  member: PackageMember,
): Promise<string | undefined> {
  const found = await ifPresent(lstat(path, { bigint: true }));
  if (found === undefined) return undefined;
  const folder = await realpath(path.subarray(0, path.lastIndexOf(SLASH)), { encoding: 'buffer' });
  const inside =
    folder.equals(realRoot) ||
    folder.subarray(0, realRoot.length + 1).equals(Buffer.concat([realRoot, SLASH]));
  if (!inside) return 'its folder leads out of the source now';
  if (member.kind === 'directory') {
    if (!found.isDirectory()) return 'it is no folder any more';
    return (await removeEmpty(path)) ? undefined : 'the folder is not empty any more';
  }
  const changed =
    member.kind === 'symlink' ? !found.isSymbolicLink() : !(await isAsPackaged(path, found, member));
  if (changed || found.mtimeNs.toString() !== member.mtimeNs) return 'it was changed after it was packaged';
  // Hashing takes its time: only what is the same now as before goes. Any write and any rename moves the ctime.
  const now = await ifPresent(lstat(path, { bigint: true }));
  if (now !== undefined && !isSame(found, now)) return 'it was changed while it was compared';
  await ifPresent(unlink(path));
  return undefined;
}

function isSame(one: BigIntStats, other: BigIntStats): boolean {
  return one.dev === other.dev && one.ino === other.ino && one.ctimeNs === other.ctimeNs;
}

/** Size and times tell that a file is untouched; where only its ctime moved (a rename, a chmod), its bytes decide. */
async function isAsPackaged(path: Buffer, found: BigIntStats, member: PackageMember): Promise<boolean> {
  if (!found.isFile() || found.size !== BigInt(member.size) || found.mtimeNs.toString() !== member.mtimeNs)
    return false;
  if (found.ctimeNs.toString() === member.ctimeNs) return true;
  const hash = createHash('sha256');
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    for await (const chunk of file.createReadStream({ highWaterMark: 1024 * 1024, autoClose: false }))
      hash.update(chunk as Buffer);
  } finally {
    await file.close();
  }
  return hash.digest('hex') === member.sha256;
}

/** Removes a folder and its parents as long as they are empty, up to the first level. */
async function pruneEmpty(realRoot: Buffer, folder: Buffer): Promise<void> {
  for (let at: Buffer | undefined = folder; at?.includes(SLASH); at = parent(at)) {
    if (!(await removeEmpty(Buffer.concat([realRoot, SLASH, at])))) return;
  }
}

async function removeEmpty(path: Buffer): Promise<boolean> {
  try {
    await rmdir(path);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return true;
    if (code === 'ENOTEMPTY' || code === 'EEXIST' || code === 'ENOTDIR' || code === 'EBUSY') return false;
    throw error;
  }
}

function parent(relative: Buffer): Buffer | undefined {
  const slash = relative.lastIndexOf(SLASH);
  return slash < 0 ? undefined : relative.subarray(0, slash);
}
