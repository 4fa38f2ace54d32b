import { createHash } from 'node:crypto';
import { isUtf8 } from 'node:buffer';
import { constants } from 'node:fs';
import { access, realpath, stat } from 'node:fs/promises';
import { basename, dirname, sep } from 'node:path';
import { ConfigurationError, PermanentError } from '../../../core/exceptions.js';

/** A location's name may have 48 characters; `source-` and `-` with six hex digits take 14 of them. */
const SLUG_LENGTH = 34;

/**
 * Checks that a directory can be a source, and returns its real path.
 *
 * @param source an absolute path, as the user gave it
 * @param dataDirectory absolute; it need not exist
 * @throws PermanentError if it does not exist, is no directory or can't be read; ConfigurationError if it and the data directory
 *   lie in each other: the system would archive its own packages
 */
export async function checkSource(source: string, dataDirectory: string): Promise<string> {
  const problem = (words: string, advice: string, cause?: unknown) =>
    new PermanentError(`the source ${source} ${words}`, { operation: 'up', subject: source, advice, cause });

  const real = await realpath(source, { encoding: 'buffer' }).catch((cause: unknown) => {
    throw codeOf(cause) === 'ENOENT'
      ? problem('does not exist', 'give the directory that the instrument writes to with --source', cause)
      : problem(
          `can't be reached (${codeOf(cause)})`,
          'look at the permissions of the folders above it',
          cause,
        );
  });
  if (!isUtf8(real))
    throw problem(
      'has a path that is not valid UTF-8',
      'rename the folders above it; names below it may be of any bytes',
    );
  const path = real.toString('utf8');
  if (!(await stat(path)).isDirectory())
    throw problem('is not a directory', 'give the folder that holds the files');
  await access(path, constants.R_OK | constants.X_OK).catch((cause: unknown) => {
    throw problem(
      `can't be read (${codeOf(cause)})`,
      'give the user that runs cdt the right to read and enter it',
      cause,
    );
  });

  const data = await realOrNearest(dataDirectory);
  if (isWithin(path, data) || isWithin(data, path)) {
    throw new ConfigurationError(`the source ${path} and the data directory ${data} lie in each other`, {
      operation: 'up',
      subject: source,
      advice: 'choose another place with --data-dir: packages would be taken for new files of the source',
    });
  }
  return path;
}

/** The name of a source's location: what people recognise, and what tells two folders of one name apart. */
export function sourceLocationName(realPath: string): string {
  const slug = basename(realPath)
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, SLUG_LENGTH)
    .replace(/^-+|-+$/g, '');
  const digest = createHash('sha256').update(realPath).digest('hex').slice(0, 6);
  return slug === '' ? `source-${digest}` : `source-${slug}-${digest}`;
}

/** Whether `inner` is `outer` or lies below it; both real paths. */
export function isWithin(inner: string, outer: string): boolean {
  return inner === outer || inner.startsWith(outer.endsWith(sep) ? outer : outer + sep);
}

/** The real path of something that may not exist yet, by the nearest folder above it that does. */
async function realOrNearest(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT' || dirname(path) === path)
      throw new ConfigurationError(`the data directory ${path} can't be reached (${codeOf(error)})`, {
        cause: error,
      });
    return `${(await realOrNearest(dirname(path))).replace(/\/$/, '')}${sep}${basename(path)}`;
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
}
