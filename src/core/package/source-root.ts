import { readdir, realpath, stat } from 'node:fs/promises';
import { PermanentError, type CCATDataOperationError, type ErrorDetails } from '../exceptions.js';
import { printable } from '../utilities/printable.js';

const SLASH = Buffer.from('/');

/** The folder that an instrument writes below, as it was found: links in its own path resolved. */
export interface SourceRoot {
  path: Buffer;
  device: bigint;
  inode: bigint;
}

type ErrorClass = new (message: string, details: ErrorDetails) => CCATDataOperationError;

/**
 * Finds the folder. Throws a {@link PermanentError} where it may not be entered, and `Missing` where it does not exist or
 * is no folder: a source that was never there is another matter than one that went away.
 */
export async function findSourceRoot(root: string, Missing: ErrorClass): Promise<SourceRoot> {
  const subject = printable(root);
  const advice = 'Mount the disk, or correct the path of the source.';
  try {
    const path = await realpath(root, { encoding: 'buffer' });
    const found = await stat(path, { bigint: true });
    if (found.isDirectory()) return { path, device: found.dev, inode: found.ino };
  } catch (cause) {
    const code = errorCode(cause);
    if (code === 'EACCES' || code === 'EPERM') {
      throw new PermanentError(`The source ${subject} may not be read`, {
        subject,
        advice: READ_ADVICE,
        cause,
      });
    }
    throw new Missing(`The source ${subject} can't be found (${code})`, { subject, advice, cause });
  }
  throw new Missing(`The source ${subject} is not a folder`, { subject, advice });
}

/** What to do where a source may not be read. */
export const READ_ADVICE = "Give the worker's user the right to read and enter the folder.";

/** Whether the same folder is still at this place: an unmounted disk leaves another one, or none that answers. */
export async function isStillThere(root: SourceRoot): Promise<boolean> {
  const found = await stat(root.path, { bigint: true }).catch(() => undefined);
  return found?.dev === root.device && found.ino === root.inode;
}

/** Whether there is nothing in it. */
export async function isEmpty(root: SourceRoot): Promise<boolean> {
  return (await readdir(root.path).catch(() => [])).length === 0;
}

/** Joins folders and names that are bytes. */
export function joinBytes(...parts: Buffer[]): Buffer {
  const joined: Buffer[] = [];
  for (const part of parts) joined.push(SLASH, part);
  return Buffer.concat(joined.slice(1));
}

/** The system's code of an error, such as `ENOENT`. */
export function errorCode(error: unknown): string {
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : 'unknown';
}
