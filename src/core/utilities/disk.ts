import { randomBytes } from 'node:crypto';
import { link, open, rename, rm, statfs, type FileHandle } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { CCATDataOperationError, PermanentError, StorageError, type ErrorDetails } from '../exceptions.js';
import { printable } from './printable.js';

/** What a full disk needs before it is worth another try, in seconds. */
const FULL_DISK_DELAY = 30;

const ADVICE: Record<string, string> = {
  ENOSPC: 'The disk is full. Free space on it; the work goes on by itself.',
  EDQUOT: 'The quota is used up. Free space or raise it; the work goes on by itself.',
  EIO: 'The disk reports an input/output error: look at the kernel log and the health of the device.',
  EROFS: 'The file system is read-only; it may have been remounted so after an error.',
  EACCES: 'The user that runs the worker may not do this: correct the permissions.',
  EPERM: 'The user that runs the worker may not do this: correct the permissions.',
};

/** Codes after which only a person or other input helps. All others may pass by themselves. */
const PERMANENT = new Set([
  'EACCES',
  'EPERM',
  'ENOENT',
  'ENOTDIR',
  'EISDIR',
  'ELOOP',
  'ENAMETOOLONG',
  'EINVAL',
  'EEXIST',
  'EXDEV',
]);

/**
 * The class of an error of the file system, by its code: full, busy or broken disks are a StorageError (tried again), refused or
 * missing paths a PermanentError. An error that has a class already is passed through, as is an abort.
 */
export function classifyDiskError(
  error: unknown,
  details: Pick<ErrorDetails, 'operation' | 'subject'> = {},
): unknown {
  const { code, message, syscall, name } = error as NodeJS.ErrnoException;
  if (
    error instanceof CCATDataOperationError ||
    name === 'AbortError' ||
    code === undefined ||
    syscall === undefined
  )
    return error;
  const Class = PERMANENT.has(code) ? PermanentError : StorageError;
  return new Class(printable(message), {
    ...details,
    advice: ADVICE[code],
    context: { code, syscall },
    retryAfterSeconds: isFull(error) ? FULL_DISK_DELAY : undefined,
    cause: error,
  });
}

/** Whether an error of the file system says that there is no room: on the disk, or in the quota. */
export function isFull(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException | undefined)?.code ?? '');
}

/** Writes a small file so that it is there whole or not at all: beside, flushed, renamed. */
export function writeFileAtomically(path: string, data: string | Uint8Array, mode = 0o644): Promise<void> {
  return writeBeside(path, data, mode, (part) => rename(part, path));
}

/**
 * As {@link writeFileAtomically}, where nothing has this name yet.
 *
 * @throws PermanentError where something has
 */
export function createFileAtomically(path: string, data: string | Uint8Array, mode = 0o644): Promise<void> {
  return writeBeside(path, data, mode, async (part) => {
    await link(part, path);
    await rm(part);
  });
}

async function writeBeside(
  path: string,
  data: string | Uint8Array,
  mode: number,
  publish: (part: string) => Promise<void>,
): Promise<void> {
  const part = join(dirname(path), `.${basename(path).slice(0, 200)}.${randomBytes(4).toString('hex')}.part`);
  try {
    const file = await open(part, 'wx', mode);
    try {
      await file.writeFile(data);
      await file.sync();
    } finally {
      await file.close();
    }
    await publish(part);
    await syncDirectory(dirname(path));
  } catch (error) {
    await rm(part, { force: true });
    throw classifyDiskError(error, { subject: path });
  }
}

/**
 * Writes all bytes at a place, or where an appended file ends. One call of the system may take less than it was given, as on a disk that is
 * nearly full, and tells of the rest only when it is asked again.
 */
export async function writeAll(
  file: Pick<FileHandle, 'write'>,
  bytes: Buffer,
  position: number | 'at the end',
): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const at = position === 'at the end' ? null : position + done;
    done += (await file.write(bytes, done, bytes.length - done, at)).bytesWritten;
  }
}

/** Makes renames and removals in a directory last. */
export async function syncDirectory(directory: string | Buffer): Promise<void> {
  try {
    const handle = await open(directory, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw classifyDiskError(error, { subject: printable(directory.toString()) });
  }
}

/** Bytes that an ordinary user may still write to the file system of a path, and its size. */
export async function freeSpace(path: string): Promise<{ free: number; total: number }> {
  try {
    const { bavail, blocks, bsize } = await statfs(path);
    return { free: bavail * bsize, total: blocks * bsize };
  } catch (error) {
    throw classifyDiskError(error, { subject: path });
  }
}

/** What a call of the file system gives, or undefined where there is nothing of that name; every other error is thrown as it is. */
export async function ifPresent<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Removes a file; that it is gone already is success. */
export async function removeIfPresent(path: string): Promise<void> {
  try {
    await rm(path, { force: true });
  } catch (error) {
    throw classifyDiskError(error, { subject: path });
  }
}

/**
 * Joins a root and a relative path from elsewhere.
 *
 * @throws PermanentError when the result lies outside of the root
 */
export function insideDirectory(root: string, path: string): string {
  const joined = resolve(root, path);
  const from = relative(resolve(root), joined);
  if (from === '' || from === '..' || from.startsWith('../') || isAbsolute(from) || path.includes('\0')) {
    throw new PermanentError(`${printable(path)} is no path below ${root}`, { subject: printable(path) });
  }
  return joined;
}

/**
 * Checks that a name from elsewhere is a plain file name.
 *
 * @throws PermanentError when it is empty, special, or has a slash or a control character in it
 */
export function checkPlainName(name: string): string {
  if (/^[A-Za-z0-9_][A-Za-z0-9._-]{0,250}$/.test(name)) return name;
  throw new PermanentError(`"${printable(name)}" is no plain file name`, { subject: printable(name) });
}
