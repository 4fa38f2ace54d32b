import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { lstat, mkdir, open, readdir, rename, rmdir, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ExpectedMember } from '../package/unpacker.js';
import { errorCode, joinBytes } from '../package/source-root.js';
import { classifyDiskError } from '../utilities/disk.js';
import { decodePath } from '../utilities/path-text.js';

/** A member with the time that its file got when it was staged. */
export interface StagedMember extends ExpectedMember {
  /** Nanoseconds since the epoch at the source, decimal. */
  mtimeNs: string;
}

const CHUNK = 1024 * 1024;

/**
 * The members that are not in the folder as they were read first. Every file is read; one that is there and differs was changed
 * by somebody: it is moved to `aside`, so that nothing of theirs is lost.
 */
export async function missingMembers<T extends ExpectedMember>(
  folder: string,
  members: T[],
  aside: string,
  options: { signal?: AbortSignal; onProgress?: (bytes: number) => void } = {},
): Promise<T[]> {
  const missing: T[] = [];
  let done = 0;
  for (const member of members) {
    options.signal?.throwIfAborted();
    const path = joinBytes(Buffer.from(folder), decodePath(member.path));
    const before = done;
    const found = await stateOf(path, member, options.signal, (bytes) =>
      options.onProgress?.(before + bytes),
    );
    if (found === 'changed') await setAside(path, member, aside);
    if (found !== 'good') missing.push(member);
    done += member.size;
    options.onProgress?.(done);
  }
  return missing;
}

async function stateOf(
  path: Buffer,
  member: ExpectedMember,
  signal: AbortSignal | undefined,
  onProgress: (bytes: number) => void,
): Promise<'good' | 'absent' | 'changed'> {
  try {
    const found = await lstat(path);
    if (member.kind === 'directory') return found.isDirectory() ? 'good' : 'changed';
    if (member.kind === 'symlink') return found.isSymbolicLink() ? 'good' : 'changed';
    if (!found.isFile() || found.size !== member.size) return 'changed';
    return (await digestOf(path, signal, onProgress)) === member.sha256 ? 'good' : 'changed';
  } catch (error) {
    signal?.throwIfAborted();
    const code = errorCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return 'absent';
    throw classifyDiskError(error, { operation: 'staging', subject: member.path });
  }
}

async function digestOf(
  path: Buffer,
  signal: AbortSignal | undefined,
  onProgress: (bytes: number) => void,
): Promise<string> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const hash = createHash('sha256');
    let done = 0;
    const stream = file.createReadStream({ highWaterMark: CHUNK, autoClose: false });
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      signal?.throwIfAborted();
      hash.update(chunk);
      onProgress((done += chunk.length));
    }
    return hash.digest('hex');
  } finally {
    await file.close();
  }
}

/** What becomes of removing the entries of a folder: how many went, how many stayed because they are not ours any more. */
export interface Removal {
  removed: number;
  kept: number;
}

/**
 * Removes these members from a folder, and the folders that are empty then. What is not as we left it (another size or time,
 * another kind, or, where `twin` is given, another file than the one of that name there) stays. What others added stays, too.
 */
export async function removeMembers(
  folder: string,
  members: AsyncIterable<StagedMember> | Iterable<StagedMember>,
  options: { twin?: (member: StagedMember) => string; signal?: AbortSignal } = {},
): Promise<Removal> {
  const removal = { removed: 0, kept: 0 };
  for await (const member of members) {
    options.signal?.throwIfAborted();
    if (member.kind === 'directory') continue;
    const path = joinBytes(Buffer.from(folder), decodePath(member.path));
    try {
      const found = await lstat(path, { bigint: true });
      const twin = await twinOf(member, options.twin);
      const ours =
        (twin === undefined || (twin.ino === found.ino && twin.dev === found.dev)) &&
        (member.kind === 'symlink'
          ? found.isSymbolicLink()
          : found.isFile() && found.size === BigInt(member.size)) &&
        found.mtimeNs === wholeSecondsNs(member.mtimeNs);
      if (ours) await unlink(path);
      removal[ours ? 'removed' : 'kept'] += 1;
    } catch (error) {
      // Gone already, or never put there.
      if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') continue;
      throw classifyDiskError(error, { operation: 'staging', subject: member.path });
    }
  }
  return removal;
}

/** The file of that name in the other folder; undefined where there is none. */
async function twinOf(member: StagedMember, folderOf: ((member: StagedMember) => string) | undefined) {
  if (folderOf === undefined) return undefined;
  try {
    return await lstat(joinBytes(Buffer.from(folderOf(member)), decodePath(member.path)), { bigint: true });
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}

/** Removes a folder and all folders below it that hold nothing; returns whether it is gone, or was never there. */
export async function removeEmptyFolders(folder: Buffer): Promise<boolean> {
  try {
    const entries = await readdir(folder, { withFileTypes: true, encoding: 'buffer' });
    for (const entry of entries)
      if (entry.isDirectory()) await removeEmptyFolders(joinBytes(folder, entry.name));
    await rmdir(folder);
    return true;
  } catch (error) {
    const code = errorCode(error);
    if (code === 'ENOENT') return true;
    if (code === 'ENOTEMPTY' || code === 'EEXIST') return false;
    throw classifyDiskError(error, { operation: 'staging', subject: folder.toString() });
  }
}

/** Moves something away that we do not own any more, to a name of its own. */
async function setAside(path: Buffer, member: ExpectedMember, aside: string): Promise<void> {
  if (member.kind === 'directory') return;
  const to = join(aside, new Date().toISOString().replaceAll(':', ''));
  await mkdir(to, { recursive: true });
  const name = decodePath(member.path);
  await rename(path, joinBytes(Buffer.from(to), name.subarray(name.lastIndexOf(0x2f) + 1)));
}

/** Moves a whole folder away that others put something into. */
export async function setFolderAside(folder: string, to: string): Promise<void> {
  try {
    await mkdir(dirname(to), { recursive: true });
    await rename(folder, to);
  } catch (error) {
    throw classifyDiskError(error, { operation: 'staging', subject: folder });
  }
}

/** The time that a staged file has: that of the source in whole seconds, rounded down. */
function wholeSecondsNs(mtimeNs: string): bigint {
  const ns = BigInt(mtimeNs);
  const rest = ((ns % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  return ns - rest;
}
